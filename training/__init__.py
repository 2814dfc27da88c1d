"""From data to a committed model bundle: load, train, quantize, evaluate, bundle."""
