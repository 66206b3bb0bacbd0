"""The REST API of knowledge collections."""
