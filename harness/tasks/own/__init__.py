"""Images of the user's own: a function in a file, a tree of folders, a Hugging Face folder."""
