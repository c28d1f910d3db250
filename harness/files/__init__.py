"""Files and folders: atomic, locked, bounded in size, downloaded."""
