"""The pages of knowledge collections."""
