"""The classifier module: frames in, predictions out."""
