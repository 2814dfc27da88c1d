"""Drawn pictures of the ten classes: vector shapes, varied by a seed, no third-party pixels."""
