"""How long a test waits for what is certain to come."""

PATIENCE_S = 100.0
"""It tells a hang, never a pace: the machine may be slow, and others use it too. Poll, and go on at once."""

TENSORFLOW_PATIENCE_S = 5 * PATIENCE_S
"""The same for a process that imports TensorFlow and trains something small."""
