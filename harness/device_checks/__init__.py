"""Does a GPU give what the CPU gives, and how fast? One file a check."""
