"""Folders and tags on their page, and what a flow's card on the list offers."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.web import workspace_page
from flows import organizing, services
from flows.engine.errors import DocumentInvalid
from flows.models import Folder, Tag
from flows.organizing_models import TagColour
from flows.organizing_queries import folder_tree, tags_of
from flows.views.actions import visible_flow
from flows.views.page_request import PageRequest
from flows.views.returning import back

_REFUSALS = (organizing.NameRefused, organizing.LimitReached, organizing.PlaceGone)


@require_GET
@workspace_page
def order_page(request: PageRequest) -> HttpResponse:
    """All folders and tags, with the forms that make, rename and delete them."""
    context = {
        "tree": folder_tree(request.actor),
        "tags": tags_of(request.actor),
        "colours": TagColour.choices,
        "can_edit": request.actor.can("flow.edit"),
        "deepest": organizing.MAX_DEPTH,
    }
    return render(request, "flows/order_page.html", context)


@require_POST
@workspace_page
def folder_new(request: PageRequest) -> HttpResponse:
    """A new folder, in `parent` where one is given."""
    parent = _folder(request, request.POST["parent"]) if request.POST.get("parent") else None
    return _tried(
        request,
        lambda: organizing.create_folder(
            request.actor, name=request.POST.get("name", ""), parent=parent
        ),
        "The folder was made.",
    )


@require_POST
@workspace_page
def folder_rename(request: PageRequest, folder_id: UUID) -> HttpResponse:
    """Give a folder another name."""
    folder = _folder(request, folder_id)
    name = request.POST.get("name", "")
    return _tried(
        request,
        lambda: organizing.rename_folder(request.actor, folder, name=name),
        "The folder was renamed.",
    )


@require_POST
@workspace_page
def folder_delete(request: PageRequest, folder_id: UUID) -> HttpResponse:
    """Delete a folder; what is in it stays, one folder up."""
    folder = _folder(request, folder_id)
    return _tried(
        request,
        lambda: organizing.delete_folder(request.actor, folder),
        f"“{folder.name}” was deleted. What was in it is one folder up.",
    )


@require_POST
@workspace_page
def tag_new(request: PageRequest) -> HttpResponse:
    """A new tag."""
    given = request.POST
    return _tried(
        request,
        lambda: organizing.create_tag(
            request.actor, name=given.get("name", ""), colour=given.get("colour", TagColour.GRAY)
        ),
        "The tag was made.",
    )


@require_POST
@workspace_page
def tag_change(request: PageRequest, tag_id: UUID) -> HttpResponse:
    """Another name or colour."""
    tag = get_object_or_404(Tag.objects.visible_to(request.actor), pk=tag_id)
    given = request.POST
    return _tried(
        request,
        lambda: organizing.change_tag(
            request.actor, tag, name=given.get("name"), colour=given.get("colour")
        ),
        "The tag was changed.",
    )


@require_POST
@workspace_page
def tag_delete(request: PageRequest, tag_id: UUID) -> HttpResponse:
    """Delete a tag; flows lose it and stay."""
    tag = get_object_or_404(Tag.objects.visible_to(request.actor), pk=tag_id)
    return _tried(
        request,
        lambda: organizing.delete_tag(request.actor, tag),
        f"The tag “{tag.name}” was deleted.",
    )


def _folder(request: PageRequest, key: object) -> Folder:
    try:
        wanted = UUID(str(key))
    except ValueError:
        wanted = None  # type: ignore[assignment]
    return get_object_or_404(Folder.objects.visible_to(request.actor), pk=wanted)


def _tried(request: PageRequest, act: Any, said: str) -> HttpResponse:
    try:
        act()
    except _REFUSALS as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, said)
    return back(request, "flow-order")


@require_POST
@workspace_page
def duplicate(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """A copy of the draft, opened."""
    copy = organizing.duplicate_flow(request.actor, visible_flow(request, flow_id))
    messages.success(request, f"This is the copy: “{copy.name}”. Its draft is yours to change.")
    return redirect("flow-detail", copy.id)


@require_http_methods(["GET", "POST"])
@workspace_page
def flow_name(request: PageRequest, flow_id: UUID) -> HttpResponse:
    """The name of a flow as a form in its place on the list; a page of its own without scripts."""
    flow = visible_flow(request, flow_id)
    request.actor.require("flow.edit")
    error = ""
    if request.method == "POST":
        name = request.POST.get("name", "").strip()
        error = _renamed(request, flow, name)
        if not error:
            flow.name = name
            if request.htmx:
                return render(request, "flows/_flow_name.html", {"flow": flow})
            messages.success(request, f"The flow is called “{name}” now.")
            return back(request)
    elif request.htmx and "shown" in request.GET:
        return render(request, "flows/_flow_name.html", {"flow": flow})
    template = "flows/_flow_name_form.html" if request.htmx else "flows/flow_name.html"
    context = {"flow": flow, "error": error, "name": request.POST.get("name", flow.name)}
    return render(request, template, context, status=422 if error else 200)


def _renamed(request: PageRequest, flow: Any, name: str) -> str:
    """Rename the flow; the sentence that refuses where it cannot be."""
    if not name or len(name) > 200:
        return "Give the flow a name of 1 to 200 characters."
    try:
        services.update_flow(request.actor, flow, name=name)
    except DocumentInvalid as invalid:
        return invalid.problems[0].message
    except services.FlowGone as gone:
        return str(gone)
    return ""
