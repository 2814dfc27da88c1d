"""The scoring web service: one model bundle behind several HTTP interfaces (docs/serving.md)."""
