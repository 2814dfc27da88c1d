"""Random damage against what reads files from outside; `scripts/fuzz` starts it."""
