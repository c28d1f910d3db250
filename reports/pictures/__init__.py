"""Statistical pictures of runs."""
