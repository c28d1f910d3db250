"""Training one architecture with weights of its own: recipes, optimisers, the steps."""
