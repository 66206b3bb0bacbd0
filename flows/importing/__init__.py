"""Import of flows from other products, and of our own documents: see `reading.read`."""
