"""Import of n8n workflows: one JSON object with `nodes` and `connections`."""

from flows.importing.n8n.importer import read
from flows.importing.n8n.reading import is_n8n

__all__ = ["is_n8n", "read"]
