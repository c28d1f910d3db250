"""Tabular benchmarks: stand-alone accuracies of architectures."""
