"""The pictures of the report, one kind a file; each draws from the report's document alone."""
