"""The data panes of the inspector: what comes into a node, and what it gave, from a run."""

import json
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from execution.agent_steps import works_in_steps
from execution.heads import Head, NotThere, at_path
from execution.models import NodeRun, Run
from execution.node_samples import Samples, pins_of, sample_run
from execution.queries import run_document
from execution.views.agent_steps import agent_steps
from execution.views.node_levels import child_of, level_of, table_of, text_of
from flows.engine.attempts import retry_of
from flows.engine.document import Document
from flows.engine.errors import NodeError
from flows.engine.registry import registry
from flows.models import Flow
from flows.queries import draft_document
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest
from flows.views.scope import readable

JSON = Any
#: Bytes that are loaded to find the item of a map.
ITEM_LIMIT = 2_000_000
_UUID = re.compile(r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def asked_run(request: PageRequest, flow: Flow, given: str | None = None) -> Run | None:
    """The run of `?run=` (or `given`), else the flow's latest. Http404 where it is none of it."""
    wanted = request.GET.get("run", "") if given is None else given
    if wanted and not _UUID.fullmatch(wanted):
        raise Http404("There is no such run.")
    run = sample_run(request.actor, flow, wanted)
    if wanted and run is None:
        raise Http404("There is no such run.")
    return run


def shown_document(request: PageRequest, flow: Flow, run: Run | None) -> Document:
    """The draft; with `?then=` the flow as the run had it, for pages of a run that was."""
    return run_document(run) if run and request.GET.get("then") else draft_document(flow)


@require_GET
@workspace_page
def node_data(request: PageRequest, flow_id: UUID, key: str) -> JsonResponse:
    """One level of what a node sees (`of=input`) or gave (`of=output`), at `path` (a JSON list).

    `as` is tree, table or text; `offset` is the first child. At most 200 children, texts cut.
    """
    request.actor.require("run.read")
    flow = visible_flow(request, flow_id)
    run = asked_run(request, flow)
    pins = {} if request.GET.get("then") else pins_of(flow)
    if run is None and not pins:
        return JsonResponse({"run": None})
    document = shown_document(request, flow, run)
    path, offset = _path(request), _offset(request)
    samples = Samples(run, document, key, pins)
    told: dict[str, JSON] = {"run": None}
    if run is not None:
        told["run"] = {"id": str(run.id), "status": run.status, "at": run.created_at.isoformat()}
    try:
        if request.GET.get("of") == "output":
            return JsonResponse(told | _output(request, flow, samples, path, offset))
        if not path:
            return JsonResponse(told | _incoming(samples, document))
        head = at_path(flow.workspace_id, _roots(samples, str(path[0])), path)
    except (NotThere, NodeError) as error:
        said = getattr(error, "message", "This part was not read: download the whole value.")
        return JsonResponse(told | {"error": said})
    return JsonResponse(told | _shown(request, head, offset))


def _path(request: PageRequest) -> list[str | int]:
    try:
        path = json.loads(request.GET.get("path") or "[]")
    except (ValueError, RecursionError) as error:
        raise Http404("The path is no JSON list.") from error
    if not isinstance(path, list) or not all(type(step) in (str, int) for step in path):
        raise Http404("The path is no JSON list of names and numbers.")
    return path


def _offset(request: PageRequest) -> int:
    given = request.GET.get("offset", "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _shown(request: PageRequest, head: Head, offset: int) -> dict[str, JSON]:
    match request.GET.get("as"):
        case "table":
            return table_of(head, offset)
        case "text":
            return text_of(head)
    return level_of(head, offset)


def _incoming(samples: Samples, document: Document) -> dict[str, JSON]:
    """The nodes that this one sees, each with its type and whether it ran."""
    nodes = {node.id: node for node in document.nodes}
    names = readable(samples.graph, samples.node)
    outputs = samples.outputs(names)
    children = []
    for name in names:
        child = child_of(name, outputs.get(name))
        spec = nodes[name]
        node_type = registry().get(spec.type)
        title = spec.label or (node_type.title if node_type else spec.type)
        pinned = {"pinned": True} if name in samples.pins else {}
        children.append({**child, "title": title, "ran": name in outputs, **pinned})
    inner = samples.inner(ITEM_LIMIT)
    held = [child_of(name, value) for name, value in inner.items() if name not in nodes]
    every = held + children
    return {"type": "object", "count": len(every), "children": every, "offset": 0, "more": False}


def _roots(samples: Samples, root: str) -> dict[str, JSON]:
    if root in readable(samples.graph, samples.node):
        return samples.outputs([root])
    return samples.inner(ITEM_LIMIT)


def _output(
    request: PageRequest, flow: Flow, samples: Samples, path: list[str | int], offset: int
) -> dict[str, JSON]:
    run, node = samples.run, samples.node
    if node in samples.pins:
        head = at_path(flow.workspace_id, samples.pins[node], path)
        return {"output": True, "pinned": True, "stored": [], **_shown(request, head, offset)}
    row = samples.rows([node]).get(node)
    if run is None or row is None or row.output is None:
        return {"output": None, "state": row.status if row else None}
    head = at_path(run.workspace_id, row.output, path)
    download = reverse("node-value", args=[run.id, node, "output"])
    if row.path:
        download += f"?at={'.'.join(map(str, row.path))}"
    return {
        "output": True,
        "state": row.status,
        "download": download,
        "stored": [
            {"path": one, "url": reverse("run-value", args=[run.id, digest])}
            for one, digest in _stored(row.output)
        ],
        **_shown(request, head, offset),
    }


def _stored(output: JSON) -> list[tuple[str, str]]:
    """Fields of an output that are stored by reference, with their digests."""
    if not isinstance(output, dict):
        return []
    if "$blob" in output:
        return [("value", str(output["$blob"]))]
    return [
        (name, str(value["$blob"]))
        for name, value in output.items()
        if isinstance(value, dict) and "$blob" in value
    ]


@require_GET
@workspace_page
def node_last(request: PageRequest, flow_id: UUID, key: str) -> HttpResponse:
    """How the node went in the run: its state, and of a failure cause, field and request."""
    request.actor.require("run.read")
    flow = visible_flow(request, flow_id)
    run = asked_run(request, flow)
    row, inner = None, None
    if run is not None:
        place = Samples(run, shown_document(request, flow, run), key, {}).path_of(key)
        rows = NodeRun.objects.filter(run=run, node=key, path=place)
        row = rows.defer("output").order_by("-attempt").first()
        inner = agent_steps(run, key, place) if row and works_in_steps(row.type) else None
    context = {
        "run": run,
        "row": row,
        "inner": inner,
        "node": key,
        "can_run": request.actor.can("run.start"),
        "then": bool(request.GET.get("then")),
        "most": _most_attempts(run, key) if run and row else 1,
        "request_facts": _request_facts(row) if row else [],
    }
    return render(request, "execution/_node_last.html", context)


def _most_attempts(run: Run, node: str) -> int:
    """Attempts that the flow of the run gives the node."""
    for spec in run_document(run).nodes:
        node_type = registry().get(spec.type)
        if spec.id == node and node_type is not None:
            return retry_of(spec, node_type).max_attempts
    return 1


def _request_facts(row: NodeRun) -> list[tuple[str, str]]:
    """What was asked of the world, without what may be secret: no headers, body, query or login."""
    given = row.input if isinstance(row.input, dict) else {}
    error = row.error or {}
    details = error.get("details") or {}
    facts: list[tuple[str, str]] = []
    if isinstance(given.get("url"), str):
        method = given.get("method", "GET")
        facts.append(("Request", f"{str(method)[:10]} {_without_secrets(given['url'])}"))
    if details.get("status") is not None:
        facts.append(("Status", str(details["status"])[:20]))
    model = row.model or given.get("model")
    if isinstance(model, str) and model:
        facts.append(("Model", model[:200]))
    return facts


def _without_secrets(url: str) -> str:
    """An address without login, query and fragment, which may hold keys."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    more = "?…" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{more}"[:500]
