"""P-DARTS: searches of deeper and deeper networks with fewer operators (Chen et al. 2019)."""
