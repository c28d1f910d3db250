"""MNGNAS: candidates retrained by an adaptive combination of searched teachers."""
