"""`scripts/score` beside a bare loop on each core, in one run."""
