"""What each peer serves, as its own documentation shows it. Run in the peer's virtual environment."""
