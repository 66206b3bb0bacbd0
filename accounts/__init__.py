"""Who: people, workspaces, keys, secrets and what each role may do."""
