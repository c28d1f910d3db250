"""Chain spaces: a stem, layers with one choice of block each, a head."""
