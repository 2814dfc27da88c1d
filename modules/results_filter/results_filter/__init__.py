"""The results filter: predictions in, few meaningful events out."""
