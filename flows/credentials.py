"""Warnings of flows that name credentials which are not there; the engine knows no secrets."""

from collections.abc import Iterator
from uuid import UUID

from accounts.models import Credential
from flows.engine.document import Document
from flows.engine.errors import MAX_PROBLEMS, Problem
from flows.engine.expressions import has_expression
from flows.engine.node_call import widget_of
from flows.engine.registry import registry

#: Where it stands in the config, the name or id, and the types that fit (none: any).
type _Named = tuple[str, str, str, tuple[str, ...]]


def credential_problems(doc: Document, workspace_id: UUID) -> list[Problem]:
    """A warning for each credential written out that is not there, or is of no type that fits.

    What an expression gives is not judged. One query, and none where nothing is named.
    """
    named = list(_written_out(doc))[:MAX_PROBLEMS]
    if not named:
        return []
    rows = Credential.objects.filter(workspace_id=workspace_id).values_list("id", "name", "type")
    known = {}
    for id, name, kind in rows:
        known[str(id)] = known[name] = kind
    return [
        Problem(*_finding(reference, known.get(reference)), node, field, "warning")
        for node, field, reference, types in named
        if reference not in known or (types and known[reference] not in types)
    ]


def _written_out(doc: Document) -> Iterator[_Named]:
    for node in doc.nodes:
        node_type = registry().get(node.type)
        for field, value in node.config.items() if node_type is not None else ():
            if not isinstance(value, str) or not value.strip() or has_expression(value):
                continue
            assert node_type is not None
            widget, types = widget_of(node_type, field)
            if widget == "credential":
                yield node.id, field, value.strip(), types


def _finding(reference: str, kind: str | None) -> tuple[str, str]:
    """Code and sentence; `kind` is the type of the credential where there is one."""
    if kind is None:
        return "credential_missing", (
            f"This workspace has no credential '{reference[:100]}'. Make one under Settings, or "
            "name another."
        )
    return "credential_unfit", (
        f"The credential '{reference[:100]}' is of a type that does not fit here. Name another."
    )
