"""The inspector's form of a node, with the models that the workspace can call."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Workspace
from accounts.permissions import Actor
from accounts.web import workspace_page
from billing.catalogue import words
from execution.knowledge.models import Collection
from execution.offered_models import defaults, offered
from execution.views.node_data import asked_run, shown_document
from flows.views.actions import visible_flow
from flows.views.inspector import MOST_PICKED, Pick, form_of, pickers
from flows.views.page_request import PageRequest


@require_GET
@workspace_page
def node_form(request: PageRequest, flow_id: UUID, key: str) -> HttpResponse:
    """The form of a node of the draft; `?type=` for one that is not in it yet.

    With `?run=` and `then` that of the node as the run had it, to be read only.
    """
    flow = visible_flow(request, flow_id)
    then = bool(request.GET.get("then"))
    document = shown_document(request, flow, asked_run(request, flow) if then else None)
    form = form_of(document, key, request.GET.get("type", ""))
    if form is None:
        raise Http404("The flow has no such node.")
    context = {
        "flow": flow,
        "form": form,
        "can_edit": not then and request.actor.can("flow.edit"),
        "pickers": pickers(
            request.actor,
            flow,
            form,
            {
                "models": lambda words: _models(request.workspace, words),
                "collections": lambda words: _collections(request.actor),
            },
        ),
    }
    return render(request, "flows/editor/_inspector.html", context)


def _models(workspace: Workspace, capabilities: Sequence[str]) -> Iterator[Pick]:
    """Models that answer, each provider's default first; then the rest of the catalogue.

    With a capability, the models that have it: those have no defaults.
    """
    if capabilities:
        for one in offered(workspace.id):
            if one.capabilities.can.issuperset(capabilities):
                yield Pick(one.model, words(one))
        return
    known = {offer.model: offer for offer in offered(workspace.id) if offer.answers}
    first = dict(defaults(workspace.id))
    if workspace.default_model:
        first.setdefault(workspace.default_model, "the workspace's default")
    for model, label in first.items():
        offer = known.pop(model, None)
        yield Pick(model, f"{words(offer)} · {label}" if offer else label)
    for offer in known.values():
        yield Pick(offer.model, words(offer))


def _collections(actor: Actor) -> Iterator[Pick]:
    rows = Collection.objects.visible_to(actor).order_by("name").values_list("slug", "name")
    for slug, name in rows[:MOST_PICKED]:
        yield Pick(slug, name)
