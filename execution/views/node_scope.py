"""Names for completion with the values they last had, and what an expression would give."""

import json
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from threading import Lock
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from accounts.web import workspace_page
from execution.node_samples import Loader, Samples, pins_of, run_facts, variables_of
from execution.views.node_data import asked_run, shown_document
from execution.views.node_levels import kind_of, preview_of
from flows.engine.document import Document
from flows.engine.errors import NodeError
from flows.engine.expressions import evaluate, mentions_in, render, trimmed
from flows.engine.names import suggestion
from flows.engine.references import is_reference, load_all
from flows.engine.sight_names import names_for
from flows.models import Flow
from flows.queries import draft_document
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest
from flows.views.scope import Listed, filters, readable, scope_of

JSON = Any
#: Previews that a session may ask for in so many seconds, of each web process: each costs up to
#: 200 ms of CPU.
MOST_PREVIEWS, PREVIEW_SECONDS = 30, 10.0
#: Bytes of large values that one preview loads, and characters of a text and of its answer.
PREVIEW_LOAD = 1_000_000
MOST_TEXT = 20_000
MOST_ANSWER = 2_000
#: Keys of one value that completion lists below it.
MOST_KEYS = 40
_KEPT_SESSIONS = 10_000


@require_GET
@workspace_page
def node_scope(request: PageRequest, flow_id: UUID, key: str) -> JsonResponse:
    """The names that a node sees, with values of pins or a run cut to 200 characters; filters.

    `fields` are names that only some of its fields see, by field. 404 for a node that the draft
    does not have (yet).
    """
    flow = visible_flow(request, flow_id)
    run = asked_run(request, flow)
    document = shown_document(request, flow, run)
    variables = variables_of(flow)
    try:
        scope = scope_of(document, key, list(variables))
    except KeyError as error:
        raise Http404("The flow has no such node.") from error
    samples = Samples(run, document, key, {} if request.GET.get("then") else pins_of(flow))
    values = {"vars": variables, **_values(samples)}

    def told(names: Iterable[Listed]) -> list[dict[str, JSON]]:
        return [
            asdict(name) | _sample(values, name, samples.pins) for name in _with_keys(names, values)
        ]

    return JsonResponse(
        {
            "run": str(run.id) if run else None,
            "names": told(scope.names),
            "fields": {field: told(names) for field, names in scope.fields.items()},
            "filters": [asdict(one) for one in filters()],
        }
    )


def _values(samples: Samples) -> dict[str, JSON]:
    outputs = samples.outputs(readable(samples.graph, samples.node))
    if samples.run is None:
        return outputs
    try:
        inner = samples.inner(PREVIEW_LOAD)
    except NodeError:
        inner = {}
    return {"run": run_facts(samples.run), **inner, **outputs}


def _with_keys(names: Iterable[Listed], values: dict[str, JSON]) -> list[Listed]:
    """The names, and below those whose fields are not known the keys that their values had."""
    found = list(names)
    known = {name.path for name in found}
    for name in tuple(found):
        value = _value(values, name.path)
        if not name.open or not isinstance(value, dict) or is_reference(value):
            continue
        for key, item in list(value.items())[:MOST_KEYS]:
            path = f"{name.path}.{key}"
            if key.isidentifier() and path not in known:
                found.append(Listed(path, name.node, name.title, kind_of(item), open=True))
    return found


_ABSENT = object()


def _value(values: dict[str, JSON], path: str) -> JSON:
    value: JSON = values
    for step in path.split("."):
        if not isinstance(value, dict) or is_reference(value) or step not in value:
            return _ABSENT
        value = value[step]
    return value


def _sample(values: dict[str, JSON], name: Listed, pins: Mapping[str, JSON]) -> dict[str, JSON]:
    value = _value(values, name.path)
    if value is _ABSENT:
        return {}
    return {"value": preview_of(value)} | ({"pinned": True} if name.node in pins else {})


class PreviewLimit:
    """How many previews each session has asked for lately, in this process."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._lock = Lock()
        self._asked: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, session: str) -> float:
        """Seconds until this session may ask; 0: it may now, and that counts."""
        now = time.monotonic()
        with self._lock:
            asked = [at for at in self._asked.pop(session, []) if at > now - self.seconds]
            self._asked[session] = asked
            while len(self._asked) > _KEPT_SESSIONS:
                self._asked.popitem(last=False)
            if len(asked) >= self.most:
                return max(0.01, asked[0] + self.seconds - now)
            asked.append(now)
            return 0.0


limit = PreviewLimit(MOST_PREVIEWS, PREVIEW_SECONDS)


@require_POST
@workspace_page
def preview(request: PageRequest, flow_id: UUID) -> JsonResponse:
    """What a text gives: {"node", "text", "field"?, "run"?, "template"?}, with pins and a run.

    Answers {"value", "kind", "cut", "pinned"?} or
    {"error", "kind"}; 429 for more than a session may ask.
    """
    request.actor.require("flow.read")
    flow = visible_flow(request, flow_id)
    wait = limit.wait(_session(request))
    if wait:
        said = {"error": "Too many previews; go on typing.", "kind": "busy"}
        return JsonResponse(said, status=429, headers={"Retry-After": str(int(wait) + 1)})
    asked = _asked(request)
    if asked is None:
        return JsonResponse({"error": "Send node and text as JSON.", "kind": "invalid"}, status=422)
    run = asked_run(request, flow, str(asked.get("run") or ""))
    document = draft_document(flow)
    samples = Samples(run, document, asked["node"], pins_of(flow))
    try:
        roots = _roots(document, asked)
        value = _previewed(flow, samples, asked, roots)
    except NodeError as error:
        return JsonResponse({"error": error.message, "kind": error.code})
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    cut = len(shown) > MOST_ANSWER
    told = {"value": shown[:MOST_ANSWER], "kind": kind_of(value), "cut": cut}
    return JsonResponse(told | ({"pinned": True} if roots & samples.pins.keys() else {}))


def _session(request: HttpRequest) -> str:
    return request.session.session_key or ""


def _asked(request: HttpRequest) -> dict[str, JSON] | None:
    try:
        asked = json.loads(request.body) if len(request.body) < 10 * MOST_TEXT else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(asked, dict):
        return None
    texts = all(isinstance(asked.get(name, ""), str) for name in ("text", "node", "field"))
    texts = texts and "text" in asked and "node" in asked
    return asked if texts and len(asked["text"]) <= MOST_TEXT else None


def _roots(document: Document, asked: dict[str, JSON]) -> set[str]:
    """The names that the text reads. Raises NodeError for one that is not known in its field."""
    roots = {mention.root for mention in mentions_in(asked["text"], template=_is_template(asked))}
    field = asked.get("field")
    try:
        seen = names_for(document, asked["node"], (), field=field if field else None)
    except KeyError as error:
        said = "The node is not saved yet; its values come in a moment."
        raise NodeError("no_data", said) from error
    known = [name.name for name in seen if name.kind != "filter"]
    for root in roots:
        if root not in known:
            hint = suggestion(root, known)
            raise NodeError("expression_unknown_name", f"There is no '{root[:60]}' here.{hint}")
    return roots


def _is_template(asked: dict[str, JSON]) -> bool:
    return bool(asked.get("template"))


def _previewed(flow: Flow, samples: Samples, asked: dict[str, JSON], roots: set[str]) -> JSON:
    """Raises NodeError with the sentence to show."""
    context = _context(flow, samples, roots)
    missing = sorted(root for root in roots if root not in context)
    load = Loader(samples.run, PREVIEW_LOAD) if samples.run else None
    try:
        if _is_template(asked):
            return render(asked["text"], context, load=load)
        return load_all(evaluate(trimmed(asked["text"]), context, load=load), load)
    except NodeError as error:
        if error.code == "expression_unknown_name" and missing:
            said = f"'{missing[0]}' has no value yet. Run the flow once to see one."
            raise NodeError("no_data", said) from error
        raise


def _context(flow: Flow, samples: Samples, roots: set[str]) -> dict[str, JSON]:
    context: dict[str, JSON] = {}
    if "vars" in roots:
        context["vars"] = variables_of(flow)
    if "run" in roots and samples.run is not None:
        context["run"] = run_facts(samples.run)
    outputs = samples.outputs(root for root in roots if root in samples.graph.nodes)
    inner = samples.inner(PREVIEW_LOAD) if roots - set(outputs) - {"run"} else {}
    return {**context, **{name: inner[name] for name in inner if name in roots}, **outputs}
