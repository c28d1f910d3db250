"""What a paper prints, read from TOML files."""
