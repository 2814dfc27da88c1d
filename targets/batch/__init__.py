"""Batch scoring for what outgrows one machine: the work of `image_classifier.batch` on a Ray cluster."""
