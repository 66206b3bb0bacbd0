"""What is done with several ticked flows at once: move, tag, publish, export, delete."""

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.web import workspace_page
from flows import organizing, services
from flows.engine.document import dump_yaml
from flows.engine.errors import DocumentInvalid
from flows.hooks import deletion_refusal
from flows.models import Flow, Folder, Tag
from flows.organizing_queries import callers_of
from flows.queries import draft_document, visible_flows
from flows.views.page_request import PageRequest
from flows.views.returning import back

#: Flows that one action takes.
MOST = 100


@dataclass(frozen=True)
class Doomed:
    """A flow that may be deleted: `refusal` says why not, `callers` which flows would miss it."""

    flow: Flow
    refusal: str | None
    callers: list[str]


@require_POST
@workspace_page
def bulk(request: PageRequest) -> HttpResponseBase:
    """Do `action` with the flows named in `flow`."""
    ticked = len(request.POST.getlist("flow"))
    if ticked > MOST:
        messages.error(request, f"These are {ticked} flows. Tick {MOST} at most.")
        return back(request)
    flows = _ticked(request)
    act = _ACTIONS.get(request.POST.get("action", ""))
    if act is None:
        messages.error(request, "Choose what to do with the ticked flows.")
        return back(request)
    if not flows:
        messages.error(request, "Tick the flows first.")
        return back(request)
    try:
        return act(request, flows)
    except (organizing.LimitReached, organizing.PlaceGone) as refused:
        messages.error(request, str(refused))
        return back(request)


def _ticked(request: PageRequest) -> list[Flow]:
    keys = []
    for value in request.POST.getlist("flow"):
        try:
            keys.append(UUID(value))
        except ValueError:
            continue
    return list(visible_flows(request.actor).filter(pk__in=keys).order_by("name"))


def _count(number: int) -> str:
    return f"{number} flow{'' if number == 1 else 's'}"


def _move(request: PageRequest, flows: Sequence[Flow]) -> HttpResponse:
    key = request.POST.get("folder", "")
    folder = None
    if key:
        folder = get_object_or_404(Folder.objects.visible_to(request.actor), pk=_uuid(key))
    moved = organizing.move_flows(request.actor, flows, folder)
    where = f"to “{folder.name}”" if folder else "out of any folder"
    messages.success(request, f"{_count(moved)} moved {where}.")
    return back(request)


def _tag(request: PageRequest, flows: Sequence[Flow]) -> HttpResponse:
    tag = _named_tag(request)
    changed = organizing.tag_flows(request.actor, flows, add=[tag])
    messages.success(request, f"{_count(changed)} got the tag “{tag.name}”.")
    return back(request)


def _untag(request: PageRequest, flows: Sequence[Flow]) -> HttpResponse:
    tag = _named_tag(request)
    changed = organizing.tag_flows(request.actor, flows, remove=[tag])
    messages.success(request, f"“{tag.name}” was taken off {_count(changed)}.")
    return back(request)


def _named_tag(request: PageRequest) -> Tag:
    tags = Tag.objects.visible_to(request.actor)
    return get_object_or_404(tags, pk=_uuid(request.POST.get("tag", "")))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _publish(request: PageRequest, flows: Sequence[Flow]) -> HttpResponse:
    request.actor.require("flow.publish")
    done = unchanged = 0
    for flow in flows:
        before = flow.published_id
        try:
            version = services.publish_flow(request.actor, flow)
        except DocumentInvalid as invalid:
            first = next(p for p in invalid.problems if p.severity == "error")
            messages.error(request, f"“{flow.name}” was not published: {first.message}")
        except services.FlowGone as gone:
            messages.error(request, f"“{flow.name}”: {gone}")
        else:
            done, unchanged = done + (version.pk != before), unchanged + (version.pk == before)
    if done or unchanged:
        rest = f"; {unchanged} had nothing new" if unchanged else ""
        messages.success(request, f"{_count(done)} published{rest}.")
    return back(request)


def _export(request: PageRequest, flows: Sequence[Flow]) -> HttpResponseBase:
    """Their drafts as YAML files in one archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for flow in flows:
            try:
                files.writestr(f"{flow.slug}.yaml", dump_yaml(draft_document(flow)))
            except DocumentInvalid as invalid:
                files.writestr(f"{flow.slug}.problem.txt", f"{invalid.problems[0].message}\n")
    archive.seek(0)
    name = f"flows-{timezone.now():%Y-%m-%d}.zip"
    return FileResponse(archive, as_attachment=True, filename=name, content_type="application/zip")


def _delete(request: PageRequest, flows: Sequence[Flow]) -> HttpResponse:
    """First a page that lists them; with `confirmed` they go."""
    request.actor.require("flow.delete")
    if not request.POST.get("confirmed"):
        return _confirm_page(request, flows)
    deleted = 0
    for flow in flows:
        try:
            services.delete_flow(request.actor, flow)
        except (services.FlowInUse, services.FlowGone) as kept:
            messages.error(request, f"“{flow.name}” was not deleted: {kept}")
        else:
            deleted += 1
    if deleted:
        messages.success(request, f"{_count(deleted)} deleted.")
    return back(request)


def _confirm_page(request: PageRequest, flows: Sequence[Flow]) -> HttpResponse:
    callers = callers_of(request.actor, flows)
    doomed = [Doomed(flow, deletion_refusal(flow), callers.get(flow.pk, [])) for flow in flows]
    context = {
        "doomed": doomed,
        "going": [entry.flow for entry in doomed if entry.refusal is None],
        "next": request.POST.get("next", ""),
    }
    return render(request, "flows/delete_flows.html", context)


_ACTIONS: dict[str, Callable[[PageRequest, Sequence[Flow]], HttpResponseBase]] = {
    "move": _move,
    "tag": _tag,
    "untag": _untag,
    "publish": _publish,
    "export": _export,
    "delete": _delete,
}
