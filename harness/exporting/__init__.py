"""A found network as one file that needs nothing of this project, with what is known of it."""
