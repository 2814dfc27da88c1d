"""The cloud's side, kept on this machine: what arrives upstream is stored and can be read."""
