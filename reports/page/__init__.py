"""One HTML page for a folder of runs: a single file that opens from disk and needs no network."""
