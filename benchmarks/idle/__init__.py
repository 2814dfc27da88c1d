"""What the solution uses while nothing happens, and how long it takes to start."""
