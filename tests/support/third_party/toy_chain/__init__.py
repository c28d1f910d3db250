"""A search space of its own package, outside the project: all of it is in ``space.py``."""
