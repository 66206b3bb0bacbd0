"""The operators' console: pages of the admin that are about the installation as a whole."""
