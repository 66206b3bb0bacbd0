"""Two runs of one flow side by side: outcomes in one picture, and what each node gave."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from execution.comparing import ValueDifference, output_differences
from execution.models import NodeRun, Run
from execution.queries import latest_node_runs, run_document
from execution.views.run import visible_run
from execution.views.steps import Step, steps_of
from flows.differences import structure_diff
from flows.engine.document import Document, dump
from flows.views.diff_picture import MarkedCard, diff_picture
from flows.views.page_request import PageRequest
from flows.views.picture import Picture

JSON = Any
#: Other runs that are offered to be compared with, the newest ones.
OFFERED = 50
#: Nodes whose differing outputs are shown; of the others only that they differ.
SHOWN_OUTPUTS = 50
DIFFERS = "differs"


@dataclass(frozen=True)
class NodePair:
    """A node in both runs; a side is None where the flow of that run has no such node."""

    node: str
    title: str
    left: Step | None
    right: Step | None
    mark: str = ""
    differs: bool = False
    values: tuple[ValueDifference, ...] = ()

    @property
    def inside(self) -> bool:
        return any(step is not None and step.inside for step in (self.left, self.right))


@dataclass(frozen=True)
class PairedCard(MarkedCard):
    """A card with the node's state in both runs; empty where there is no such node."""

    pair: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class _Side:
    run: Run
    document: Document
    rows: Mapping[str, NodeRun]
    steps: Mapping[str, Step]


@require_GET
@workspace_page
def run_compare(request: PageRequest) -> HttpResponse:
    """The runs `?a=` and `?b=` of one flow side by side; with `a` alone what it can be compared to.

    `?run=…&run=…`, as the list's boxes send it, names the two in any number and order.
    """
    if ticked := request.GET.getlist("run"):
        return _sorted(request, ticked)
    left = visible_run(request, _id(request.GET.get("a", "")))
    if not request.GET.get("b"):
        runs = Run.objects.visible_to(request.actor).filter(flow=left.flow).exclude(pk=left.pk)
        found = runs.select_related("version").defer("inputs", "outputs").order_by("-created_at")
        context = {"flow": left.flow, "left": left, "runs": found[:OFFERED]}
        return render(request, "execution/run_compare_pick.html", context)
    right = visible_run(request, _id(request.GET["b"]))
    if left.flow_id != right.flow_id:
        raise Http404("Only runs of one flow can be compared.")
    return render(request, "execution/run_compare.html", _context(left, right))


def _sorted(request: PageRequest, ticked: list[str]) -> HttpResponse:
    """To the page of the two that were ticked, the older one first."""
    runs = [visible_run(request, _id(text)) for text in dict.fromkeys(ticked[:10])]
    if len(runs) != 2:
        messages.error(request, "Tick two runs to compare them.")
    elif runs[0].flow_id != runs[1].flow_id:
        messages.error(request, "Tick two runs of the same flow: others cannot be compared.")
    else:
        left, right = sorted(runs, key=lambda run: run.created_at)
        return redirect(f"{reverse('run-compare')}?a={left.pk}&b={right.pk}")
    return redirect("run-list")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404("There is no such run.") from error


def _context(left: Run, right: Run) -> dict[str, Any]:
    sides = _side(left), _side(right)
    pairs = _pairs(*sides)
    differing = [pair for pair in pairs if pair.mark]
    return {
        "flow": left.flow,
        "left": left,
        "right": right,
        "runs": (("A", left), ("B", right)),
        "pairs": pairs,
        "outputs": [pair for pair in pairs if pair.values],
        "unshown": sum(pair.differs and not pair.values for pair in pairs),
        "inputs": output_differences(left.inputs or {}, right.inputs or {}),
        "count": len(differing),
        "picture": _picture(*sides, pairs),
    }


def _side(run: Run) -> _Side:
    document = run_document(run)
    rows = latest_node_runs(run)
    steps = [step for outer in steps_of(run, document, rows) for step in outer.all()]
    return _Side(run, document, rows, {step.node: step for step in steps})


def _pairs(left: _Side, right: _Side) -> list[NodePair]:
    names = [*right.steps, *(name for name in left.steps if name not in right.steps)]
    pairs: list[NodePair] = []
    shown = 0
    for name in names:
        pair = _pair(name, left, right)
        if pair.differs and shown < SHOWN_OUTPUTS:
            values = output_differences(_output(left, name), _output(right, name))
            pair = replace(pair, values=tuple(values))
            shown += 1
        pairs.append(pair)
    return pairs


def _pair(name: str, left: _Side, right: _Side) -> NodePair:
    one, other = left.steps.get(name), right.steps.get(name)
    known = other or one
    assert known is not None, "a node is in one of the runs"
    if one is None or other is None:
        return NodePair(name, known.title, one, other, "removed" if other is None else "added")
    gave = _output(left, name) != _output(right, name)
    mark = DIFFERS if gave or one.state != other.state else ""
    return NodePair(name, known.title, one, other, mark, differs=gave)


def _output(side: _Side, name: str) -> JSON:
    row = side.rows.get(name)
    return row.output if row else None


def _picture(left: _Side, right: _Side, pairs: list[NodePair]) -> Picture | None:
    """Both flows in one, each card with both outcomes; None where there is too much to draw."""
    diff = structure_diff(dump(left.document), dump(right.document))
    drawn = diff_picture(left.document, right.document, diff)
    if drawn is None:
        return None
    known = {pair.node: pair for pair in pairs}
    return replace(drawn, cards=[_card(card, known.get(card.id)) for card in drawn.cards])


def _card(card: Any, pair: NodePair | None) -> PairedCard:
    fields = {name: getattr(card, name) for name in MarkedCard.__dataclass_fields__}
    if pair is None:
        return PairedCard(**fields)
    states = tuple(str(step.state) if step else "" for step in (pair.left, pair.right))
    return PairedCard(**{**fields, "mark": pair.mark, "pair": (states[0], states[1])})
