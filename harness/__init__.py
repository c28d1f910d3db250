"""The pipeline around a method: tasks, ground truth, training, ranking, records."""
