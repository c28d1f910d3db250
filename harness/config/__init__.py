"""The configuration of a run: one frozen tree, its flags and presets."""
