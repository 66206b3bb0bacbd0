"""What operators decide for the whole installation, and what their tables build on."""
