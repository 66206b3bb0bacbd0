"""Stored secrets: their types, checks and connections, and the vault that seals them."""
