"""Live updates: one hub per web process listens to the database and feeds sockets and streams."""
