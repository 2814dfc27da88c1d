"""Several bundles behind one address: who gets which, what is mirrored, and when a candidate is taken back.

README.md says what a plan is and who decides; plan.schema.json is its schema.
"""
