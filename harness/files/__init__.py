"""Files and folders: atomic, locked, bounded in size, downloaded; and what machine this is."""
