"""Import of Flowise's Agentflow V2: JSON with `nodes` and `edges`."""

from flows.importing.flowise.importer import is_flowise, read

__all__ = ["is_flowise", "read"]
