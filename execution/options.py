"""What of a flow a run carries out, and what is given for it: the options of a run.

`until` a node: only what leads to it, and itself. `only` a node: nothing else. `given` are outputs
of nodes, `{node: {field: value}}`, that stand for what these would give; a node with null is left
out, as if it were disabled. `rerun` is set by reruns alone.
"""

from typing import Any

from execution.errors import OptionsInvalid
from execution.parts_of_flows import carried_out
from execution.payloads import Externalizer
from execution.pinned import Pinned
from flows.engine.document import parse
from flows.engine.part_of import NoSuchNode
from flows.engine.sizes import json_size

JSON = Any
#: Bytes of all given outputs: they travel with the start of a run.
MOST_GIVEN = 1_000_000


def asked_options(
    until: str | None, only: str | None, given: dict[str, JSON] | None
) -> dict[str, JSON]:
    """Options as a caller asks for them; large values among the given are not taken."""
    options: dict[str, JSON] = {}
    if until and only:
        raise OptionsInvalid("until", "Ask for 'until' or for 'only', not for both.")
    if until:
        options["until"] = until
    if only:
        options["only"] = only
    if given:
        options["given"] = _checked(given)
    return options


def _checked(given: dict[str, JSON]) -> dict[str, JSON]:
    for node, output in given.items():
        if not isinstance(output, dict | None):
            message = "has to be an object, as every node's output is: name → value."
            raise OptionsInvalid(f"given.{node}", message)
    out = Externalizer()
    kept = {
        node: None if output is None else out.shrink_object(output, whole=False)
        for node, output in given.items()
    }
    if out.blobs:
        raise OptionsInvalid("given", "is too large; give at most 32 KB for each value.")
    if json_size(kept) > MOST_GIVEN:
        raise OptionsInvalid("given", "is too large; give at most 1 MB in all.")
    return kept


def check_options(options: dict[str, JSON], pinned: Pinned) -> None:
    """Whether they fit the document. Raises OptionsInvalid naming the option."""
    if not options:
        return
    document = parse(dict(pinned.whole_document()))
    try:
        carried_out(document, options)
    except NoSuchNode as error:
        raise OptionsInvalid("only" if "only" in options else "until", str(error)) from error
    holders = {node.id: node.parent for node in document.nodes}
    for node in options.get("given", {}):
        if node not in holders:
            raise OptionsInvalid(f"given.{node}", f"The flow has no node '{node}'.")
        if holders[node] and "only" not in options:
            message = f"It runs many times, inside '{holders[node]}'; give the output of that."
            raise OptionsInvalid(f"given.{node}", message)


def asks_for_inputs(options: dict[str, JSON], pinned: Pinned) -> bool:
    """Whether the node that takes the inputs is carried out, so that they have to be there."""
    if not options:
        return True
    document = carried_out(parse(dict(pinned.whole_document())), options)
    given = options.get("given", {})
    return any(node.type == "input" and node.id not in given for node in document.nodes)
