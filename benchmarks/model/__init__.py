"""Bundles beside reference models, in one run."""
