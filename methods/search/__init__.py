"""Searches: on a supernet's scores, and on tables."""
