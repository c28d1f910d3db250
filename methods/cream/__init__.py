"""Cream: the supernet's best paths teach the others (Peng et al. 2020)."""
