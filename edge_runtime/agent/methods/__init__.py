"""`$edgeAgent`'s direct methods (spec D.5)."""
