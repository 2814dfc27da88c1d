"""Protocol heads: each translates one protocol to the hub and back."""
