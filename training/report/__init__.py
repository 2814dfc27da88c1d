"""`docs/model.md`: bundles measured, in tables and pictures."""
