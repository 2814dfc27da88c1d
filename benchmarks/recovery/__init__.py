"""`kill -9` of the hub process while real modules send: how long until the next message arrives, and what is lost."""
