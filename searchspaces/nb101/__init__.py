"""NAS-Bench-101 (Ying et al. 2019) and its sub-spaces."""
