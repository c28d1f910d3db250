"""Benchmarks of ``nas-harness bench``, one per file: ``main(arguments)``."""
