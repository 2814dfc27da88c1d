"""What to tell upstream, decided without I/O: clocks come in, messages come out."""
