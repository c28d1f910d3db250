"""Where people watch runs: what a tracker is told, and TensorBoard, Weights & Biases, MLflow."""
