"""What buttons on the pages of flows do: create, publish, restore, rename, delete."""

import re
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from accounts.web import workspace_page
from flows import services
from flows.engine.document import dump_json, dump_yaml, parse
from flows.engine.errors import DocumentInvalid, Problem
from flows.models import Flow
from flows.queries import draft_document, version_of, visible_flows
from flows.sharing import on
from flows.views.examples import example
from flows.views.page_request import PageRequest

_SHOWN_PROBLEMS = 3


def visible_flow(request: PageRequest, flow_id: UUID) -> Flow:
    """The flow where the signed-in person may see it; 404 otherwise.

    From here on `request.actor` may what they may do with this flow, which a share can narrow or
    widen. Its published version comes without the document, which may be megabytes: who reads that
    asks for it then.
    """
    flow = get_object_or_404(visible_flows(request.actor), pk=flow_id)
    request.actor = on(request.actor, flow)
    return flow


def _say_problems(request: PageRequest, start: str, problems: list[Problem]) -> None:
    for problem in problems[:_SHOWN_PROBLEMS]:
        where = f" ({problem.node}{'.' + problem.path if problem.path else ''})"
        messages.error(request, f"{start}: {problem.message}{where if problem.node else ''}")
    if len(problems) > _SHOWN_PROBLEMS:
        messages.error(request, f"{len(problems) - _SHOWN_PROBLEMS} more problems follow these.")


@require_POST
@workspace_page
def create(request: PageRequest) -> HttpResponse:
    """A new flow, from a template where one is named in `example`."""
    key = request.POST.get("example", "")
    chosen = example(key) if key else None
    if key and chosen is None:
        messages.error(request, "This template does not exist any more. Choose another one.")
        return redirect("template-list")
    if chosen is None:
        name = request.POST.get("name", "").strip() or None
        try:
            flow = services.create_flow(request.actor, name=name)
        except DocumentInvalid as invalid:
            _say_problems(request, "Not created", invalid.problems)
            return redirect("flow-list")
    else:
        flow = services.create_flow(request.actor, document=chosen.document)
    messages.success(request, f"“{flow.name}” is ready to run.")
    return redirect("flow-detail", flow.id)


@require_POST
@workspace_page
def publish(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Freeze the draft as the version that runs; who accepts JSON is told the version in it."""
    flow = visible_flow(request, flow_id)
    in_json = request.accepts("application/json") and not request.accepts("text/html")
    try:
        version = services.publish_flow(
            request.actor, flow, note=request.POST.get("note", "").strip()
        )
    except DocumentInvalid as invalid:
        errors = [problem for problem in invalid.problems if problem.severity == "error"]
        if in_json:
            return JsonResponse({"message": _publish_refusal(errors)}, status=422)
        _say_problems(request, "Not published", errors)
    else:
        if in_json:
            return JsonResponse({"version": version.number})
        messages.success(request, f"Version {version.number} is published.")
    return redirect("flow-detail", flow.id)


def _publish_refusal(errors: list[Problem]) -> str:
    """The first error, and how many there are; the editor lists all of them."""
    more = f" ({len(errors) - 1} more in the list of problems.)" if len(errors) > 1 else ""
    return f"Not published: {errors[0].message}{more}" if errors else "Not published."


@require_POST
@workspace_page
def restore(request: PageRequest, flow_id: UUID, number: int) -> HttpResponse:
    """Make an earlier version the draft again."""
    flow = visible_flow(request, flow_id)
    try:
        services.restore_version(request.actor, flow, number)
    except services.VersionMissing as missing:
        raise Http404(str(missing)) from missing
    messages.success(request, f"The draft is version {number} again. Publish it to run it.")
    return redirect("flow-detail", flow.id)


@require_POST
@workspace_page
def rename(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Change name and description."""
    flow = visible_flow(request, flow_id)
    name = request.POST.get("name", "").strip()
    if not name or len(name) > 200:
        messages.error(request, "Give the flow a name of 1 to 200 characters.")
    else:
        description = request.POST.get("description", "").strip()
        try:
            services.update_flow(request.actor, flow, name=name, description=description)
        except DocumentInvalid as invalid:
            _say_problems(request, "Not saved", invalid.problems)
    return redirect("flow-detail", flow.id)


@require_POST
@workspace_page
def delete(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """Delete the flow with its versions and runs."""
    flow = visible_flow(request, flow_id)
    name = flow.name
    try:
        services.delete_flow(request.actor, flow)
    except services.FlowInUse as in_use:
        messages.error(request, str(in_use))
        return redirect("flow-detail", flow.id)
    messages.success(request, f"“{name}” was deleted.")
    return redirect("flow-list")


@require_GET
@workspace_page
def download(request: PageRequest, flow_id: UUID, kind: str) -> HttpResponse:
    """The draft, or the version in `?version=`, as a file."""
    flow = visible_flow(request, flow_id)
    number = request.GET.get("version", "")
    if number:
        # It becomes a part of the file's name: digits, and nothing that only reads as a number.
        if re.fullmatch(r"[0-9]{1,9}", number) is None:
            raise Http404("There is no such version.")
        try:
            document = parse(version_of(flow, int(number)).document)
        except services.VersionMissing as missing:
            raise Http404("There is no such version.") from missing
    else:
        document = draft_document(flow)
    text = dump_yaml(document) if kind == "yaml" else dump_json(document)
    content_type = "application/yaml" if kind == "yaml" else "application/json"
    name = f"{flow.slug}{f'-v{number}' if number else ''}.{kind}"
    return HttpResponse(
        text,
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
