"""Finds out what a text is, and imports it: our own document, or one of n8n, Flowise or Dify.

Pure: nothing is fetched, stored or executed. Limits of size, depth and count hold before anything
is built, as for our own documents.
"""

from typing import Any

from flows.engine.document import MAX_EDGES, MAX_NODES, SCHEMA, admit
from flows.engine.document_text import read_text
from flows.engine.document_values import checked
from flows.engine.errors import DocumentInvalid
from flows.importing import dify, flowise, n8n
from flows.importing.result import Imported, ImportRefused, Row
from flows.importing.secrets import Scrubber

JSON = Any
_UNKNOWN = (
    "This is no flow that is known here. Give a document of FluxPrompt, a workflow of n8n (JSON), "
    "an Agentflow V2 of Flowise (JSON), or an app of Dify (YAML)."
)
_READERS = ((n8n.is_n8n, n8n.read), (flowise.is_flowise, flowise.read), (dify.is_dify, dify.read))


def read(text: str) -> Imported:
    """The flow of a text with a report of every node. Raises ImportRefused.

    The document may have problems of validation; the report names each error.
    """
    if not text.strip():
        raise ImportRefused("The text is empty. Paste the content of an exported file.")
    try:
        data = checked(read_text(text))
    except DocumentInvalid as invalid:
        raise ImportRefused(f"The text cannot be read. {invalid.problems[0].message}") from invalid
    if data.get("schema") == SCHEMA or ("schema" in data and "nodes" in data):
        return _own(data)
    for is_it, reader in _READERS:
        if is_it(data):
            _check_counts(data)
            return reader(data, Scrubber(data))
    raise ImportRefused(_hint(data) or _UNKNOWN)


def _own(data: dict[str, JSON]) -> Imported:
    try:
        document = admit(data)
    except DocumentInvalid as invalid:
        raise ImportRefused(
            f"The document cannot be read. {invalid.problems[0].message}"
        ) from invalid
    rows = tuple(
        Row(node.id, node.label or node.id, node.type, "mapped", (node.id,))
        for node in document.nodes
    )
    return Imported("fluxprompt", SCHEMA, document, rows)


def _check_counts(data: dict[str, JSON]) -> None:
    graph = data.get("workflow", {}).get("graph", {}) if "workflow" in data else data
    graph = graph if isinstance(graph, dict) else {}
    for key, limit in (("nodes", MAX_NODES), ("edges", MAX_EDGES)):
        found = graph.get(key)
        if isinstance(found, list) and len(found) > limit:
            raise ImportRefused(
                f"The flow has {len(found):,} {key}; {limit:,} are possible. Split it there first."
            )


def _hint(data: dict[str, JSON]) -> str:
    """What is nearly a flow that is known, and what to do about it."""
    if isinstance(data.get("workflow"), dict) and "nodes" in data["workflow"]:
        return "This wraps a workflow of n8n: give only what stands under 'workflow'."
    app = data.get("app")
    if isinstance(app, dict) and app.get("mode") in ("chat", "completion", "agent-chat"):
        return (
            f"Apps of Dify in the mode '{app['mode']}' have no workflow. Convert it to a workflow "
            "or chatflow there, and export it again."
        )
    nodes = data.get("nodes")
    if isinstance(nodes, list) and any(isinstance(n, dict) and "data" in n for n in nodes):
        return (
            "This looks like a chatflow or an Agentflow V1 of Flowise, which are built of other "
            "parts. Only Agentflow V2 can be imported."
        )
    return ""
