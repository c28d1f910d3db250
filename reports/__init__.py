"""Tables and plots from recorded runs."""
