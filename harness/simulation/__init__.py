"""Searches simulated on a table."""
