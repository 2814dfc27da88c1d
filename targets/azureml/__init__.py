"""Azure Machine Learning: the model behind an online endpoint (managed or Kubernetes), and a batch endpoint."""
