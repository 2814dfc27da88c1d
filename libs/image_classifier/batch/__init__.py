"""Scoring many pictures with one bundle: on all cores, taken up again after a kill, bad pictures listed."""
