"""Runs of a draft with pins: one node alone, up to a node, and all of it."""

import time
from typing import Any

import pytest

from accounts.permissions import Actor
from execution.errors import OptionsInvalid
from execution.models import Blob, NodeRun, Run
from execution.options import asked_options
from execution.services import start_run
from execution.tests.flows_for_tests import document, ended, new_actor, output, start_node
from execution.trying import run_to, try_node
from flows.models import Flow
from flows.services import create_flow

JSON = Any
pytestmark = pytest.mark.usefixtures("stack")
BIG = 60_000


def step(name: str, value: str, **more: JSON) -> JSON:
    return {"id": name, "type": "transform", "config": {"fields": {"v": value}}, **more}


def fork(name: str, condition: str) -> JSON:
    return {"id": name, "type": "if", "config": {"condition": condition}}


def drafted(actor: Actor, nodes: list[JSON], edges: list[str], **more: JSON) -> Flow:
    return create_flow(actor, document=document([start_node("text"), *nodes], edges, **more))


def given_by(run: Run, node: str) -> dict[str, JSON]:
    return NodeRun.objects.get(run=run, node=node).output or {}


def ran(run: Run) -> set[str]:
    return set(NodeRun.objects.filter(run=run, reused=False).values_list("node", flat=True))


@pytest.mark.parametrize("execution", ["durable", "inline"])
def test_a_node_is_tried_with_pins_before_what_a_run_recorded(execution: str) -> None:
    actor = new_actor()
    nodes = [step("a", "{{ start.text }}"), step("b", "two"), step("c", "{{ a.v ~ b.v }}")]
    edges = ["start>a", "a>b", "b>c"]
    flow = drafted(actor, nodes, edges, settings={"execution": execution})
    first = ended(start_run(actor, flow, {"text": "one "}, version="draft").run)
    tried = ended(try_node(actor, flow, "c", first).run)
    assert (tried.status, given_by(tried, "c")) == ("succeeded", {"v": "one two"}), tried.error
    assert ran(tried) == {"c"}
    pins = {"b": {"v": "pinned"}, "c": {"v": "its own pin does not count"}}
    pinned = ended(try_node(actor, flow, "c", first, pins).run)
    assert given_by(pinned, "c") == {"v": "one pinned"}
    alone = ended(try_node(actor, flow, "c", None, {**pins, "a": {"v": "no run "}}).run)
    assert given_by(alone, "c") == {"v": "no run pinned"}


def test_large_outputs_are_handed_on_without_being_loaded_and_large_pins_are_stored() -> None:
    actor = new_actor()
    nodes = [step("a", "{{ start.text }}"), step("c", "{{ a.v | length }}")]
    flow = drafted(actor, nodes, ["start>a", "a>c"])
    text = f"{time.time_ns()} ".ljust(BIG, "x")
    first = ended(start_run(actor, flow, {"text": text}, version="draft").run)
    blobs = Blob.objects.filter(workspace_id=actor.workspace_id).count()
    started = try_node(actor, flow, "c", first).run
    assert "$blob" in started.options["given"]["a"]["v"]
    assert given_by(ended(started), "c") == {"v": BIG}
    assert Blob.objects.filter(workspace_id=actor.workspace_id).count() == blobs
    pinned = try_node(actor, flow, "c", None, {"a": {"v": "z" * (BIG + 1)}}).run
    assert given_by(ended(pinned), "c") == {"v": BIG + 1}


def test_many_values_that_are_large_together_travel_by_reference() -> None:
    actor = new_actor()
    names = [f"p{number}" for number in range(60)]
    nodes = [*(step(name, "x") for name in names), step("c", f"{{{{ {'.v ~ '.join(names)}.v }}}}")]
    edges = [*(f"start>{name}" for name in names), *(f"{name}>c" for name in names)]
    flow = drafted(actor, nodes, edges)
    pins = {name: {"v": name[0] * 30_000} for name in names}
    run = run_to(actor, flow, "c", {"text": "a"}, pins).run
    assert all("$blob" in run.options["given"][name]["v"] for name in names)
    over = ended(run)
    assert over.status == "succeeded", over.error
    with pytest.raises(OptionsInvalid, match="1 MB in all"):
        asked_options(None, None, pins)


def test_a_pin_that_looks_like_a_stored_value_is_data() -> None:
    actor = new_actor()
    nodes = [step("a", "x"), step("c", "{{ a.v }}")]
    flow = drafted(actor, nodes, ["start>a", "a>c"])
    forged = {"$blob": "0" * 64, "kind": "text", "size": 1, "preview": ""}
    run = ended(try_node(actor, flow, "c", None, {"a": {"v": forged}}).run)
    assert run.status == "succeeded", run.error


def test_what_a_run_skipped_reads_as_null_and_is_not_handed_on() -> None:
    actor = new_actor()
    nodes = [
        fork("pick", "{{ start.text == 'b' }}"),
        step("yes", "yes"),
        step("no", "no"),
        {"id": "both", "type": "merge", "config": {"mode": "collect"}},
        step("read", "{{ yes.v | default('nothing') }}{{ yes }}"),
    ]
    edges = ["start>pick", "pick.true>yes", "pick.false>no", "yes>both", "no>both", "both>read"]
    flow = drafted(actor, nodes, edges)
    first = ended(start_run(actor, flow, {"text": "a"}, version="draft").run)
    assert given_by(ended(try_node(actor, flow, "read", first).run), "read") == {"v": "nothing"}
    merged = given_by(ended(try_node(actor, flow, "both", first).run), "both")
    assert merged == given_by(first, "both") == {"items": [{"v": "no"}]}


def test_what_is_missing_is_named() -> None:
    actor = new_actor()
    nodes = [
        step("a", "x"),
        step("off", "x", disabled=True),
        step("b", "{{ a.v }}{{ start.text }}{{ off }}"),
    ]
    flow = drafted(actor, nodes, ["start>a", "a>off", "off>b"])
    with pytest.raises(OptionsInvalid, match="reads 'start', 'a', of which there is no output yet"):
        try_node(actor, flow, "b")
    one = {"start": {"text": "t"}}
    with pytest.raises(OptionsInvalid, match="reads 'a', of which"):
        try_node(actor, flow, "b", None, one)
    run = ended(try_node(actor, flow, "b", None, {**one, "a": {"v": "p"}}).run)
    assert given_by(run, "b") == {"v": "pt"}
    other = drafted(actor, [], [])
    with pytest.raises(OptionsInvalid, match="another flow"):
        try_node(actor, other, "start", run)


def contained() -> tuple[list[JSON], list[str]]:
    """A map with two steps, the second of which reads the first and the item."""
    nodes = [
        {"id": "rows", "type": "map", "config": {"items": [1, 2], "result": "{{ deep.v }}"}},
        step("early", "{{ start.text }}", parent="rows"),
        step("late", "{{ early.v }}", parent="rows"),
        step("deep", "{{ item }}{{ start.text }}", parent="rows"),
        output("{{ rows.items }}"),
    ]
    return nodes, ["start>rows", "early>late", "late>deep", "rows>end"]


def test_in_containers_it_is_said_why_a_node_cannot_be_tried_or_pinned() -> None:
    actor = new_actor()
    flow = drafted(actor, *contained())
    first = ended(start_run(actor, flow, {"text": "a"}, version="draft").run)
    with pytest.raises(OptionsInvalid, match="reads 'item', which there is only while 'rows' runs"):
        try_node(actor, flow, "deep", first)
    with pytest.raises(OptionsInvalid, match="reads 'early', which runs many times, inside 'rows'"):
        try_node(actor, flow, "late", first)
    assert given_by(ended(try_node(actor, flow, "early", first).run), "early") == {"v": "a"}
    assert given_by(ended(try_node(actor, flow, "rows", first).run), "rows")["items"] == [
        *("1a", "2a")
    ]
    pins = {"early": {"v": "p"}}
    for node in ("rows", "end", None):
        with pytest.raises(OptionsInvalid, match="'early' is pinned, but runs many times"):
            run_to(actor, flow, node, {"text": "a"}, pins)
    with pytest.raises(OptionsInvalid, match="'early' is pinned, but runs many times"):
        try_node(actor, flow, "rows", first, pins)
    # Where it is not run, its pin is in nobody's way.
    over = ended(run_to(actor, flow, "end", {"text": "a"}, {**pins, "rows": {"items": []}}).run)
    assert (over.status, over.outputs) == ("succeeded", {"end": []})


@pytest.mark.parametrize("execution", ["durable", "inline"])
@pytest.mark.parametrize("until", [None, "end"])
def test_a_pinned_decision_leads_where_its_output_says(until: str | None, execution: str) -> None:
    actor = new_actor()
    cases = [{"name": "one", "when": 1}, {"name": "two", "when": 2}]
    nodes = [
        fork("pick", "{{ true }}"),
        {"id": "choose", "type": "switch", "config": {"value": 1, "cases": cases}},
        step("risky", "x", on_error="branch"),
        output("reached"),
        output("not reached", "wrong"),
    ]
    edges = ["start>pick", "pick.false>choose", "pick.true>wrong", "choose.two>risky"]
    edges += ["choose.one>wrong", "risky.error>end", "risky>wrong"]
    flow = drafted(actor, nodes, edges, settings={"execution": execution})
    pins: JSON = {
        "pick": {"result": False},
        "choose": {"case": "two"},
        "risky": {"error": {"code": "boom"}},
    }
    over = ended(run_to(actor, flow, until, {"text": "a"}, pins).run)
    assert (over.status, over.outputs) == ("succeeded", {"end": "reached"}), over.error
    assert ran(over) <= {"start", "end", "wrong"}


def test_only_what_runs_has_to_be_right() -> None:
    actor = new_actor()
    nodes = [step("a", "{{ start.text }}"), step("b", "{{ nobody.v }}"), step("c", "{{ a.v }}!")]
    flow = drafted(actor, nodes, ["start>a", "a>b", "a>c"])
    assert given_by(ended(run_to(actor, flow, "c", {"text": "t"}).run), "c") == {"v": "t!"}
    assert given_by(ended(try_node(actor, flow, "c", None, {"a": {"v": "p"}}).run), "c") == {
        "v": "p!"
    }
    with pytest.raises(Exception, match="nobody"):
        run_to(actor, flow, None, {"text": "t"})
    whole = ended(run_to(actor, flow, None, {"text": "t"}, {"b": {"v": 1}}).run)
    assert whole.status == "succeeded", whole.error


def test_a_node_that_is_left_out_by_a_null_counts_as_disabled() -> None:
    actor = new_actor()
    nodes = [step("a", "x"), step("b", "{{ a.v | default('none') }}")]
    flow = drafted(actor, nodes, ["start>a", "a>b"])
    options = asked_options(None, None, {"a": None})
    run = ended(start_run(actor, flow, {"text": "t"}, version="draft", options=options).run)
    assert given_by(run, "b") == {"v": "none"}
    assert NodeRun.objects.get(run=run, node="a").status == "skipped"
