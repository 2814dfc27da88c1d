"""Image classification with a TFLite model bundle: one preprocessing, one runtime choice, typed errors."""
