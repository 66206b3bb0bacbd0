"""Import of Dify's DSL (YAML): workflows and chatflows."""

from flows.importing.dify.importer import is_dify, read

__all__ = ["is_dify", "read"]
