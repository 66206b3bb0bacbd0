"""Runs of every shape that the workflow knows, each made so that its commands come in one order.

What happens at the same time differs in length, so that it ends in the same order everywhere.
"""

import time
from collections.abc import Callable
from typing import Any

from accounts.permissions import Actor
from execution.approval_services import Answer, decide
from execution.models import NodeRun, Run, RunStatus
from execution.options import asked_options
from execution.services import cancel_run, start_run
from execution.steering import rerun_run
from execution.tests.flows_for_tests import (
    ended,
    llm,
    output,
    published,
    run_to_end,
    statuses,
    until,
)
from tests.support.history_parts import (
    SECONDS,
    TEXT,
    Shape,
    cancelled_at,
    container,
    content,
    decided,
    disturbed,
    fields,
    inside,
    over,
    paused_at,
    wait,
)

JSON = Any

# Nodes by themselves.

TWO_STEPS = [llm("one", "{{ start.text }}1", "echo+slow-3000ms"), llm("two", "{{ one.text }}2")]
TWO_EDGES = "start>one one>two two>end"
HANGS = [llm("ask", "{{ start.text }}", "hang"), output("{{ ask.text }}")]
HANGS_EDGES = "start>ask ask>end"


def branches() -> Shape:
    nodes = [
        {"id": "long", "type": "if", "config": {"condition": "{{ start.text | length > 3 }}"}},
        llm("a", "{{ start.text }}", "echo+slow-500ms"),
        llm("b", "{{ start.text }}"),
        {"id": "all", "type": "merge", "config": {"mode": "collect"}},
        output("{{ all.items | map('text') | join(' ') }}"),
        output("short", "short"),
    ]
    return over(nodes, "start>long long.true>a long.true>b a>all b>all all>end long.false>short")


def failing(**more: JSON) -> Shape:
    ask = llm("ask", "{{ start.text }}", "error-500", retry={"max_attempts": 2}, **more)
    nodes = [ask, llm("slow", "x", "echo+slow-4000ms"), output("{{ ask.text }}")]
    return over(nodes, "start>ask start>slow ask>end")


def retried(actor: Actor) -> Run:
    retry = {"max_attempts": 4, "initial_seconds": 0.2}
    # The scripted model fails twice for each text: this one nobody has asked before.
    ask = llm("ask", "{{ run.id }}", "flaky-2", retry=retry)
    return over([ask, output("{{ ask.text }}")], "start>ask ask>end")(actor)


def too_large(text: str) -> Shape:
    """A document that does not travel, and records that are handed over under way."""
    pure, asked = [f"n{n}" for n in range(30)], [f"m{n}" for n in range(5)]
    nodes = [*(fields(name, x=text) for name in pure), *(llm(name, text) for name in asked)]
    nodes.append(output("{{ n0.x | length }}"))
    edges = [f"start>{name}" for name in (*pure, *asked)] + [f"{n}>end" for n in pure]
    return over(nodes, " ".join(edges))


def stopped() -> Shape:
    stop = {"id": "stop", "type": "stop", "config": {"status": "succeeded", "message": "enough"}}
    nodes = [llm("slow", "x", "hang"), llm("fast", "x", "echo+slow-1000ms"), stop]
    return over(nodes, "start>slow start>fast fast>stop")


# Containers.


def mapped(*nodes: dict[str, JSON], items: JSON = "{{ start.text | split(',') }}") -> Shape:
    rows = container("map", "rows", items=items)
    inner = [rows, *inside("rows", *nodes), output("{{ rows.count }}")]
    return over(inner, "start>rows rows>end")


def many(count: int) -> list[int]:
    return list(range(count))


def nested() -> Shape:
    nodes = [
        container("map", "rows", items="{{ start.text | split(',') }}"),
        *inside("rows", container("loop", "twice", state={"n": 0}, max_iterations=2)),
        *inside("twice", llm("ask", "{{ rows.item }}")),
        output("{{ rows.count }}"),
    ]
    return over(nodes, "start>rows rows>end")


def looped() -> Shape:
    loop = container(
        "loop",
        "grow",
        state={"text": "{{ start.text }}"},
        update={"text": "{{ ask.text }}"},
        max_iterations=5,
        **{"while": "{{ state.text | length < 20 }}"},
    )
    nodes = [loop, *inside("grow", llm("ask", "{{ state.text }}{{ state.text }}")), output("x")]
    return over(nodes, "start>grow grow>end")


def seldom_waiting() -> list[dict[str, JSON]]:
    """A large map with one item in each part that waits: parts in workflows of their own."""
    sometimes = {"id": "some", "type": "if", "config": {"condition": "{{ index % 50 == 3 }}"}}
    rows = container("map", "rows", items=many(60))
    return [rows, *inside("rows", sometimes, wait(4)), output("{{ rows.count }}")]


SPLIT_EDGES = "start>rows rows>end some.true>pause"
STAGGERED = [
    container("map", "rows", items="{{ start.text | split(',') }}"),
    *inside("rows", wait("{{ 2 + 2 * index }}")),
    output("{{ rows.count }}"),
]
HANGING_MAP = [
    container("map", "rows", items="{{ start.text | split(',') }}"),
    *inside("rows", llm("ask", "{{ item }}", "hang")),
    output("{{ rows.count }}"),
]


def long_loop() -> Shape:
    loop = container("loop", "rounds", state={"n": 0}, max_iterations=60)
    sometimes = {"id": "some", "type": "if", "config": {"condition": "{{ index == 55 }}"}}
    nodes = [loop, *inside("rounds", sometimes, wait(1)), output("{{ rounds.iterations }}")]
    return over(nodes, "start>rounds rounds>end some.true>pause")


# What waits.

ASK = {"id": "ask", "type": "approval", "config": {"message": "{{ start.text }}?"}}
ASKED = [ASK, output("yes", "yes"), output("no", "no")]
ASKED_EDGES = "start>ask ask.approved>yes ask.rejected>no"


def expired() -> Shape:
    config = {"message": "Go?", "timeout_seconds": 2, "on_timeout": "reject"}
    nodes = [{**ASK, "config": config}, output("yes", "yes"), output("no", "no")]
    return over(nodes, ASKED_EDGES)


def called(nodes: list[dict[str, JSON]], edges: str) -> Callable[[Actor], dict[str, JSON]]:
    """The document of a flow with a sub-flow of these nodes."""

    def make(actor: Actor) -> dict[str, JSON]:
        inner = published(actor, content(nodes, edges))
        config = {"flow": str(inner.id), "inputs": {"text": "{{ start.text }}"}}
        sub = {"id": "sub", "type": "subflow", "config": config}
        return content([sub, output("{{ sub }}")], "start>sub sub>end")

    return make


def subflow(actor: Actor) -> Run:
    made = called([*TWO_STEPS, output("{{ two.text }}")], TWO_EDGES)(actor)
    return run_to_end(actor, published(actor, made), TEXT, SECONDS)


def subflow_cancelled(actor: Actor) -> Run:
    made = called(HANGS, HANGS_EDGES)(actor)
    run = start_run(actor, published(actor, made), TEXT).run
    until(lambda: NodeRun.objects.filter(run__parent=run, node="ask", status="running").exists())
    time.sleep(1)
    cancel_run(actor, run)
    return ended(run, SECONDS)


def agent_that_asks(actor: Actor) -> Run:
    """An agent that waits for a person and then for a flow, and is taken up after each."""
    inner = published(actor, content([output("{{ start.text }}")], "start>end"))
    tool = {"type": "flow", "flow": str(inner.id), "name": "pay", "approval": True}
    config = {"model": "openai_compatible/echo", "prompt": "[[call-pay]] a", "tools": [tool]}
    nodes = [{"id": "helper", "type": "agent", "config": config}, output("{{ helper.text }}")]
    flow = published(actor, content(nodes, "start>helper helper>end"))
    run = start_run(actor, flow, TEXT).run
    until(lambda: NodeRun.objects.filter(run=run, node=".pay", status="waiting").exists(), SECONDS)
    time.sleep(1)
    decide(actor, run, ".pay", ["helper", 3], Answer("approve", "fine", {}), via="api")
    return ended(run, SECONDS)


# Runs that are told what to do.


def rerun(actor: Actor) -> Run:
    flow = published(actor, content([*TWO_STEPS, output("{{ two.text }}")], TWO_EDGES))
    first = run_to_end(actor, flow, TEXT, SECONDS)
    assert statuses(first)["two"] == "succeeded"
    return ended(rerun_run(actor, first, start="two").run, SECONDS)


def given(actor: Actor) -> Run:
    flow = published(actor, content([*TWO_STEPS, output("{{ two.text }}")], TWO_EDGES))
    options = asked_options("two", None, {"one": {"text": "given"}})
    return ended(start_run(actor, flow, TEXT, options=options).run, SECONDS)


_END = output("{{ two.text }}")
_WAITS = [wait(3), output("{{ pause.waited_seconds >= 3 }}")]
_WAITS_EDGES = "start>pause pause>end"

_PURE = [fields("a", x="{{ start.text }}"), output("{{ a.x }}")]
_BAD = [fields("bad", x="{{ 1 / 0 }}"), output("{{ bad.x }}")]
_BIG = [llm("big", "x", "size-300kb"), output("{{ big.text | length }}")]
_ASK_ITEM = llm("ask", "{{ item }}")

SUCCEEDED: dict[str, Shape] = {
    "pure": over(_PURE, "start>a a>end"),
    "branches": branches(),
    "on-error-continue": failing(on_error="continue"),
    "retries": retried,
    "large-values": over(_BIG, "start>big big>end"),
    "document-too-large-to-travel": too_large("\u4e2d" * 9_000),
    "stop": stopped(),
    "map-whole": mapped(_ASK_ITEM),
    "map-in-parts": mapped(fields("x", n="{{ item }}"), items=many(700)),
    "map-in-a-map": nested(),
    "map-with-waits": over(STAGGERED, "start>rows rows>end"),
    "map-with-waits-in-parts": over(seldom_waiting(), SPLIT_EDGES),
    "map-with-waits-in-parts-paused": disturbed(
        seldom_waiting(), SPLIT_EDGES, paused_at("pause", "waiting", 1)
    ),
    "loop": looped(),
    "loop-with-waits-in-parts": long_loop(),
    "wait": over(_WAITS, _WAITS_EDGES),
    "wait-paused": disturbed(_WAITS, _WAITS_EDGES, paused_at("pause", "waiting", 4)),
    "approval-approved": disturbed(ASKED, ASKED_EDGES, decided("approve")),
    "approval-rejected": disturbed(ASKED, ASKED_EDGES, decided("reject")),
    "approval-expired": expired(),
    "sub-flow": subflow,
    "agent-that-asks": agent_that_asks,
    "paused": disturbed([*TWO_STEPS, _END], TWO_EDGES, paused_at("one", "running", 4)),
    "rerun": rerun,
    "given": given,
}
FAILED: dict[str, Shape] = {
    "failed": failing(),
    "failed-in-the-workflow": over(_BAD, "start>bad bad>end"),
    "failed-in-a-map": mapped(fields("bad", n="{{ 1 / index }}")),
}
TIMED_OUT: dict[str, Shape] = {
    "timed-out": over(HANGS, HANGS_EDGES, settings={"timeout_seconds": 2}),
}
CANCELLED: dict[str, Shape] = {
    "cancelled": disturbed(HANGS, HANGS_EDGES, cancelled_at("ask")),
    "map-cancelled": disturbed(HANGING_MAP, "start>rows rows>end", cancelled_at("ask")),
    "map-with-waits-in-parts-cancelled": disturbed(
        seldom_waiting(), SPLIT_EDGES, cancelled_at("pause", "waiting")
    ),
    "wait-cancelled": disturbed(
        [wait(600), output("x")], _WAITS_EDGES, cancelled_at("pause", "waiting")
    ),
    "approval-cancelled": disturbed(ASKED, ASKED_EDGES, cancelled_at("ask", "waiting")),
    "sub-flow-cancelled": subflow_cancelled,
}
#: Name → what makes the run, and how that has to end.
SHAPES: dict[str, tuple[Shape, RunStatus]] = {
    **{name: (shape, RunStatus.SUCCEEDED) for name, shape in SUCCEEDED.items()},
    **{name: (shape, RunStatus.FAILED) for name, shape in FAILED.items()},
    **{name: (shape, RunStatus.TIMED_OUT) for name, shape in TIMED_OUT.items()},
    **{name: (shape, RunStatus.CANCELLED) for name, shape in CANCELLED.items()},
}
