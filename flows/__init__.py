"""What a flow is: the draft as rows, immutable versions, and the pure engine that plans runs."""
