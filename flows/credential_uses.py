"""Where flows name a credential: in their drafts and in what is published."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import F, QuerySet, TextField
from django.db.models.functions import Cast

from accounts.hooks import CredentialUse
from accounts.models import Credential
from flows.models import Flow, FlowVersion, Node

JSON = Any
#: The name of the setting in every type of node, and in the tools of agents.
SETTING = "credential"


def credential_uses(credential: Credential) -> list[CredentialUse]:
    """A use for each draft or published version that names it, with the nodes that do.

    What is written out counts, also deep inside a node's config (an agent's tools); what an
    expression gives cannot be told.
    """
    return sorted(
        [*_in_drafts(credential), *_in_versions(credential)],
        key=lambda use: (use.flow_name, use.version or 0),
    )


def _in_drafts(credential: Credential) -> Iterator[CredentialUse]:
    rows = Node.objects.filter(flow__workspace_id=credential.workspace_id)
    found: dict[Flow, list[tuple[str, bool]]] = defaultdict(list)
    for node in _naming(rows, "config").select_related("flow"):
        if (by_name := _names(node.config, credential)) is not None:
            found[node.flow].append((node.key, by_name))
    for flow, nodes in found.items():
        yield _use(flow, None, nodes)


def _in_versions(credential: Credential) -> Iterator[CredentialUse]:
    rows = FlowVersion.objects.filter(
        flow__workspace_id=credential.workspace_id, flow__published_id=F("id")
    )
    for version in _naming(rows, "document").select_related("flow"):
        nodes = [
            (str(node.get("id", "")), by_name)
            for node in version.document.get("nodes", [])
            if (by_name := _names(node.get("config"), credential)) is not None
        ]
        if nodes:
            yield _use(version.flow, version.number, nodes)


def _naming(rows: QuerySet[Any], field: str) -> QuerySet[Any]:
    """Rows whose JSON speaks of a credential at all: the rest is not read."""
    text = Cast(field, TextField())
    return rows.annotate(written=text).filter(written__contains=f'"{SETTING}"')


def _names(value: JSON, credential: Credential) -> bool | None:
    """Whether a config names it by its name (True) or by its id (False); None: not at all."""
    if isinstance(value, Mapping):
        given = value.get(SETTING)
        if isinstance(given, str) and given.strip() == credential.name:
            return True
        if isinstance(given, str) and given.strip().lower() == str(credential.id):
            return False
        inside: Iterable[JSON] = value.values()
    elif isinstance(value, list):
        inside = value
    else:
        return None
    found = [known for item in inside if (known := _names(item, credential)) is not None]
    return any(found) if found else None


def _use(flow: Flow, version: int | None, nodes: list[tuple[str, bool]]) -> CredentialUse:
    return CredentialUse(
        flow.id,
        flow.name,
        version,
        tuple(key for key, _ in nodes),
        any(by_name for _, by_name in nodes),
    )
