"""Logic Apps, and whatever else takes a webhook: events as signed HTTP requests, and a workflow that reacts to them."""
