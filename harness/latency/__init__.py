"""How long networks take on a device: measured, and predicted by a sum over operators."""
