"""Looks that all pictures and pages share."""
