"""The part of a flow that a run with options carries out: pure."""

from typing import Any

from flows.engine.document import Document
from flows.engine.part_of import part_of

JSON = Any


def carried_out(document: Document, options: dict[str, JSON]) -> Document:
    """The part of a document that a run with these options carries out. Raises NoSuchNode."""
    given = options.get("given", {})
    return part_of(
        document,
        until=options.get("until"),
        only=options.get("only"),
        given=list(given_outputs(options)),
        left_out=[node for node, output in given.items() if output is None],
    )


def given_outputs(options: dict[str, JSON]) -> dict[str, dict[str, JSON]]:
    """The outputs that were given for nodes; a node for which null was given is left out."""
    given = options.get("given", {})
    return {node: output for node, output in given.items() if output is not None}
