"""Score files of other people: what is in them, which column is what, which architecture is meant."""
