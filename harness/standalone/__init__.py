"""Training of one architecture with weights of its own, by the recipes of papers and tables."""
