"""API keys: what one may be given, how often it may call, and what of it changes."""
