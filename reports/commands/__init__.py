"""The commands that read recorded runs, one per file: ``main(arguments)``."""
