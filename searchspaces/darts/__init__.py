"""The DARTS space (Liu et al. 2019)."""
