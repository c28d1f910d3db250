"""Whether a search space or a method keeps the promises that the harness builds on."""
