"""Text in the notations that reports are written in."""
