"""What ranks architectures without training a supernet: the floors that a method has to beat."""
