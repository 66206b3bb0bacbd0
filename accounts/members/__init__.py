"""Who is in a workspace: invitations, roles, hand-over, leaving, and the end of a workspace."""
