"""HTTP in, HTTP out: every interface of the service, and what is common to all requests."""
