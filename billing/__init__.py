"""What a run cost: model prices and usage records."""
