"""What an open editor asks of the server: the draft, changes of it, and its problems."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from accounts.web import workspace_page
from flows.changes import Change, change_draft, draft_state
from flows.engine.operations import OperationInvalid, parse_operations
from flows.queries import flow_problems
from flows.storable import bad_text
from flows.views.actions import visible_flow
from flows.views.json_page import json_page
from flows.views.page_request import PageRequest
from fluxprompt.api.parsing import read_json
from fluxprompt.api.problems import RequestRefused, refuse

JSON = Any
#: What one call may hold.
MAX_CHANGES, MAX_OPS, MAX_BODY = 100, 5_000, 5_000_000
#: Nodes that one call may give another id: for each, every expression of the flow is read.
MAX_RENAMES = 100
#: Tabs that ended whose changes one call may go on with.
MAX_EARLIER_TABS = 20
_MAX_LABEL = 200
_MAX_REVISION = 2**31


@require_GET
@json_page
def draft(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The draft, its revision and the pinned outputs, all of one moment."""
    state = draft_state(request.actor, visible_flow(request, flow_id))
    return JsonResponse(state, headers={"Cache-Control": "no-store"})


@require_POST
@json_page
def changes(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Apply changes; answers with every change after the base, and with what was refused.

    Without changes it tells what is new, also to those who may only read.
    """
    flow = visible_flow(request, flow_id)
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY or len(request.body) > MAX_BODY:
        message = f"A call may have {MAX_BODY / 1e6:g} MB. Send the changes in several calls."
        raise refuse(413, "body_too_large", message, "")
    body = read_json(request.body)
    tab, base, sent = _read(body)
    request.actor.require("flow.edit" if sent else "flow.read")
    outcome = change_draft(
        request.actor, flow, tab=tab, base=base, changes=sent, earlier_tabs=_earlier_tabs(body)
    )
    return JsonResponse(
        {"revision": outcome.revision, "applied": outcome.applied, "refused": outcome.refused}
    )


def _read(body: JSON) -> tuple[UUID, int, list[Change]]:
    """Tab, base and changes of a call. Raises RequestRefused."""
    if not isinstance(body, dict):
        raise _invalid("", "Send an object: {tab, base, changes}.")
    base, raw = body.get("base"), body.get("changes")
    if type(base) is not int or not 0 <= base < _MAX_REVISION:
        raise _invalid("base", "Send the revision that the changes were made to.")
    if not isinstance(raw, list) or len(raw) > MAX_CHANGES:
        raise _invalid("changes", f"Send a list of at most {MAX_CHANGES} changes.")
    sent = [_change(item, f"changes[{index}]") for index, item in enumerate(raw)]
    if sum(len(change.ops) for change in sent) > MAX_OPS:
        raise _invalid("changes", f"A call may hold {MAX_OPS:,} operations. Send several calls.")
    renames = sum(op["op"] == "rename_node" for change in sent for op in change.ops)
    if renames > MAX_RENAMES:
        message = f"A call may give {MAX_RENAMES} nodes another id. Send several calls."
        raise _invalid("changes", message)
    return _uuid(body.get("tab"), "tab"), base, sent


def _earlier_tabs(body: dict[str, JSON]) -> list[UUID]:
    """Tabs that ended with changes unsent, which this one sends. Raises RequestRefused."""
    raw = body.get("earlier_tabs", [])
    if not isinstance(raw, list) or len(raw) > MAX_EARLIER_TABS:
        raise _invalid("earlier_tabs", f"Send a list of at most {MAX_EARLIER_TABS} tabs.")
    return [_uuid(tab, f"earlier_tabs[{index}]") for index, tab in enumerate(raw)]


def _change(raw: JSON, where: str) -> Change:
    if not isinstance(raw, dict):
        raise _invalid(where, "Send a change as {id, label, ops}.")
    label = raw.get("label")
    if not isinstance(label, str) or not 1 <= len(label) <= _MAX_LABEL or bad_text(label):
        raise _invalid(f"{where}.label", f"Say in 1 to {_MAX_LABEL} characters what was done.")
    ops = raw.get("ops")
    if isinstance(ops, list) and len(ops) > MAX_OPS:
        raise _invalid(f"{where}.ops", f"A call may hold {MAX_OPS:,} operations.")
    try:
        parsed = parse_operations(ops, f"{where}.ops")
    except OperationInvalid as invalid:
        raise _invalid(invalid.path, invalid.message) from invalid
    return Change(_uuid(raw.get("id"), f"{where}.id"), label, parsed)


def _uuid(raw: JSON, where: str) -> UUID:
    try:
        if isinstance(raw, str):
            return UUID(raw)
    except ValueError:
        pass
    raise _invalid(where, "Send a UUID.")


def _invalid(path: str, message: str) -> RequestRefused:
    return refuse(422, "invalid_changes", message, path)


@require_GET
@workspace_page
def problems(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """What validation says of the draft: a list for the page, or JSON with `?as=json`."""
    found = flow_problems(visible_flow(request, flow_id))
    if request.GET.get("as") == "json":
        return JsonResponse({"problems": [problem.as_dict() for problem in found]})
    errors = sum(problem.severity == "error" for problem in found)
    context = {"problems": found, "errors": errors, "warnings": len(found) - errors}
    return render(request, "flows/editor/_problem_list.html", context)
