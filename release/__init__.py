"""From source to devices: images, their record, deployment, promotion, smoke test, pipeline."""
