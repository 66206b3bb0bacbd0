"""What the flows app's objects look like in the API."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from flows.engine.errors import Problem
from flows.engine.node_type import NodeType
from flows.engine.registry import registry
from flows.models import Flow, FlowVersion
from flows.organizing_queries import folder_paths


def flow_payload(flow: Flow, paths: Mapping[UUID, str] | None = None) -> dict[str, Any]:
    """`paths` are those of the workspace's folders where many flows are shown; else asked for."""
    folder = None
    if flow.folder_id is not None:
        known = folder_paths(flow.workspace_id) if paths is None else paths
        folder = known.get(flow.folder_id)
    return {
        "id": flow.id,
        "slug": flow.slug,
        "name": flow.name,
        "description": flow.description,
        "folder": folder,
        "tags": [tag.name for tag in flow.tags.all()],
        "visibility": flow.visibility,
        "revision": flow.revision,
        "published_version": flow.published.number if flow.published else None,
        "created_at": flow.created_at,
        "updated_at": flow.updated_at,
    }


def flow_detail(flow: Flow, problems: Iterable[Problem]) -> dict[str, Any]:
    """One flow, with whom it is shared with and what validation says of its draft."""
    return {
        **flow_payload(flow),
        "shares": share_payloads(flow),
        "problems": [problem.as_dict() for problem in problems],
    }


def share_payloads(flow: Flow) -> list[dict[str, Any]]:
    """Whom a flow is shared with, by address."""
    rows = flow.shares.select_related("user").order_by("user__email")
    return [{"user": str(row.user_id), "email": row.user.email, "level": row.level} for row in rows]


def version_payload(version: FlowVersion, *, whole: bool = False) -> dict[str, Any]:
    payload = {
        "number": version.number,
        "digest": version.digest,
        "note": version.note,
        "created_at": version.created_at,
    }
    return {**payload, "document": version.document} if whole else payload


@lru_cache(maxsize=1)
def node_type_catalogue() -> list[dict[str, Any]]:
    """Every node type with the JSON Schema of its config; made once a process."""
    known = registry()
    return [node_type_payload(kind, known.folder(kind.type)) for kind in known.all()]


def node_type_payload(kind: NodeType, folder: Path) -> dict[str, Any]:
    readme = folder / "README.md"
    return {
        "type": kind.type,
        "version": kind.version,
        "title": kind.title,
        "summary": kind.summary,
        "category": kind.category,
        "icon": kind.icon,
        "runs": kind.runs,
        "streams": kind.streams,
        "config": kind.config.model_json_schema(),
        # A type whose ports follow from its config names those of an empty one.
        "ports": list(kind.port_names({})) if kind.runs else [],
        "ports_follow_config": callable(kind.ports),
        "outputs": dict(kind.outputs),
        "timeout_seconds": kind.timeout_seconds,
        "retry": {
            "max_attempts": kind.retry.max_attempts,
            "initial_seconds": kind.retry.initial_seconds,
            "backoff": kind.retry.backoff,
            "max_seconds": kind.retry.max_seconds,
        },
        "help": readme.read_text() if readme.exists() else "",
    }
