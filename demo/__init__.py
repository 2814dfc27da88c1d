"""Runs the solution on this machine and shows what crosses the hub. A client of the observer API alone."""
