"""Recorded runs as reports see them: checked, grouped, compared."""
