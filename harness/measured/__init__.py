"""Finished runs that come with the package: what our results are read from, without training."""
