"""The gallery of templates, and one of them explained step by step."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from flows.catalogue import CATEGORIES
from flows.engine.document import Document, NodeSpec
from flows.engine.graph import Graph
from flows.engine.registry import registry
from flows.views.examples import Example, example, examples
from flows.views.page_request import PageRequest
from flows.views.summary import summary

#: What a template may need, as people are told it: a word, an icon, and what to do for it.
NEEDS = {
    "model": ("A language model", "sparkles", "Connect a provider under Settings."),
    "http": ("The web", "globe", "It calls addresses that you name."),
    "person": ("Somebody who decides", "user-check", "A run waits under Approvals."),
}


@dataclass(frozen=True)
class Step:
    """A step of a template in the order in which it comes; `inside` names its container."""

    title: str
    category: str
    icon: str
    type_title: str
    what: str
    line: str
    inside: str


@require_GET
@workspace_page
def gallery(request: PageRequest) -> HttpResponse:
    """The templates; `?q=` searches and `?category=` narrows."""
    search = request.GET.get("q", "").strip()[:200]
    category = request.GET.get("category", "")
    category = category if category in CATEGORIES else ""
    matching = [entry for entry in examples() if _matches(entry, search.lower())]
    context = {
        "templates": [e for e in matching if not category or e.entry.category == category],
        "categories": [
            (name, sum(1 for e in matching if e.entry.category == name)) for name in CATEGORIES
        ],
        "total": len(matching),
        "category": category,
        "search": search,
        "needs": NEEDS,
        "can_create": request.actor.can("flow.create"),
    }
    partial = request.htmx and not request.htmx.history_restore_request
    response = render(request, "flows/gallery.html" + ("#results" if partial else ""), context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _matches(entry: Example, words: str) -> bool:
    """Whether every word is somewhere in what the template says of itself."""
    types = [card.type_title for card in entry.picture.kinds]
    about = [entry.document.name, entry.document.description, entry.entry.about]
    said = " ".join([*about, entry.entry.category, *types]).lower()
    return all(word in said for word in words.split())


@require_GET
@workspace_page
def template_page(request: PageRequest, key: str) -> HttpResponse:
    """One template: its picture, its steps explained, its inputs, what it needs."""
    found = example(key)
    if found is None:
        raise Http404("There is no such template.")
    context = {
        "template": found,
        "picture": found.picture,
        "steps": _steps(found.document),
        "fields": _fields(found.document),
        "needs": [NEEDS[need] for need in found.entry.needs],
        "can_create": request.actor.can("flow.create"),
    }
    return render(request, "flows/template_page.html", context)


def _steps(document: Document) -> list[Step]:
    graph = Graph(document)
    ordered: list[str] = []
    for node in graph.order:
        if graph.holder[node] is None:
            ordered += [node, *_inside(graph, node)]
    return [_step(graph, node) for node in ordered]


def _inside(graph: Graph, container: str) -> list[str]:
    held = set(graph.children.get(container, ()))
    found: list[str] = []
    for node in graph.order:
        if node in held:
            found += [node, *_inside(graph, node)]
    return found


def _step(graph: Graph, name: str) -> Step:
    node = graph.nodes[name]
    kind = registry().get(node.type)
    holder = graph.holder[name]
    return Step(
        title=_label(node),
        category=kind.category if kind else "code",
        icon=kind.icon if kind else "box",
        type_title=kind.title if kind else node.type,
        what=kind.summary if kind else "",
        line=summary(node.config),
        inside=_label(graph.nodes[holder]) if holder else "",
    )


def _label(node: NodeSpec) -> str:
    return node.label or node.id


def _fields(document: Document) -> list[dict[str, Any]]:
    start = next(node for node in document.nodes if node.type == "input")
    return [dict(field) for field in start.config.get("fields", ())]
