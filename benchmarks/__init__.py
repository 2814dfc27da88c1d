"""Measurements of the product, started by `scripts/bench`."""
