"""What tables and recorded runs say of each printed cell and claim."""
