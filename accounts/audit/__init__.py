"""The audit trail: where events come from, how they are read, and as a file."""
