"""What a visitor, a model or a service says is data for ever, in every node type (S2).

A text that looks like a template is put into every setting by an expression, and comes back from
every door: nowhere is it evaluated a second time.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from flows.engine import node_call
from flows.engine.document import parse
from flows.engine.doors.knowledge import Match
from flows.engine.doors.mcp import McpAnswer
from flows.engine.doors.media import Made, Transcript
from flows.engine.doors.sandbox import CodeAnswer
from flows.engine.doors.sql import SqlAnswer
from flows.engine.evaluating import Evaluating
from flows.engine.model_usage import ModelUsage
from flows.engine.node_call import mode_of, resolve_config
from flows.engine.node_type import HttpAnswer, ModelAnswer, NodeType, PureInputs, Result, ToolCall
from flows.engine.registry import registry
from flows.engine.tests.driver import run_flow
from flows.engine.tests.support import FakeContext, answer, call, node_type, perform

JSON = Any
#: Evaluated it would be `2 999`.
TEXT = "{{ 1+1 }} {% if 1 %}{{ 333 * 3 }}{% endif %}"
EVALUATED = ("999", "2 {%")
ASKED = "{{ visitor.text }}"
NAMES = {"visitor": {"text": TEXT, "file": "made-1"}, "said": {"text": TEXT}}
#: How a setting may hold an expression, and what comes of it.
SHAPES: list[tuple[JSON, JSON]] = [
    (ASKED, TEXT),
    (f"<{ASKED}|{ASKED}>", f"<{TEXT}|{TEXT}>"),
    ([ASKED, 1], [TEXT, 1]),
    ({"a": {"b": [f"x{ASKED}"]}}, {"a": {"b": [f"x{TEXT}"]}}),
]
USED = ModelUsage(3, 2)


def name_of(value: NodeType) -> str:
    return value.type


@pytest.mark.parametrize("kind", registry().all(), ids=name_of)
def test_s2_a_value_in_any_setting_of_any_type_is_evaluated_once(
    kind: NodeType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the settings may be is not the question here: each may hold anything.
    monkeypatch.setattr(node_call, "check_config", lambda kind, evaluated: evaluated)
    for name in kind.config.model_fields:
        for written, wanted in SHAPES:
            if mode_of(kind, name) == "template" and not isinstance(written, str):
                continue
            got = resolve_config(kind, {name: written}, NAMES)[1][name]
            if mode_of(kind, name) in ("never", "inside"):
                assert got == written, name
                got = Evaluating(NAMES).value(got, {})
            assert got == wanted, name


def reply(content: bytes, kind: str = "text/html") -> HttpAnswer:
    return HttpAnswer(200, {"content-type": kind}, content, "https://x.test/")


def in_json(value: JSON) -> HttpAnswer:
    return reply(json.dumps(value).encode(), "application/json")


@dataclass(frozen=True)
class Try:
    """A node with settings that read what a visitor said, in a world that answers alike."""

    config: JSON
    prepare: Callable[[FakeContext], object] = lambda world: None
    #: Whether the text is told to the world, and whether it is in the output.
    asks: bool = True
    says: bool = True
    inputs: PureInputs = field(default_factory=PureInputs)
    #: What else has to hold of the result.
    check: Callable[[Result], bool] = lambda result: True


def models(*answers: ModelAnswer) -> Callable[[FakeContext], None]:
    return lambda world: world.models.extend(answers)


def answers(*given: HttpAnswer) -> Callable[[FakeContext], None]:
    return lambda world: world.answers.extend(given)


def makes(*made: Made | Transcript) -> Callable[[FakeContext], None]:
    def prepare(world: FakeContext) -> None:
        world.files.add("made.mp3", b"ID3\x04" + b"\0" * 20)
        world.media.made.extend(made)

    return prepare


def both(*preparations: Callable[[FakeContext], object]) -> Callable[[FakeContext], None]:
    def prepare(world: FakeContext) -> None:
        for one in preparations:
            one(world)

    return prepare


PICTURE = Made(b"\x89PNG", "image/png", USED, "fake/model")
TOOL = {
    "type": "http",
    "name": "find",
    "url": "https://shop.test/find",
    "headers": {"X-Asked": ASKED},
    "parameters": [{"name": "q"}],
}
WANTS_TOOL = ModelAnswer(
    TEXT, USED, "fake/model", "tool_calls", (ToolCall("c", "find", {"q": TEXT}),)
)
PURE = {
    "if": Try(
        {"condition": f"{{{{ visitor.text | length == {len(TEXT)} }}}}"},
        says=False,
        check=lambda result: result.ports == ("true",),
    ),
    "input": Try({"fields": [{"name": "text"}]}, inputs=PureInputs(run_inputs={"text": TEXT})),
    "list": Try({"items": [ASKED], "sort_by": "{{ item }}", "filter": "{{ item }}"}),
    "math": Try(
        {"expression": "n | length", "variables": {"n": ASKED}},
        says=False,
        check=lambda result: result.output["value"] == len(TEXT),
    ),
    "merge": Try({}, inputs=PureInputs(incoming=(("said", {"text": TEXT}),))),
    "output": Try({"value": {"a": [ASKED]}}),
    "stop": Try({"message": ASKED}),
    "switch": Try(
        {"value": ASKED, "cases": [{"name": "same", "when": "{{ said.text }}"}]},
        says=False,
        check=lambda result: result.ports == ("same",),
    ),
    "template": Try({"template": f"{{% if 1 %}}{ASKED}{{% endif %}}"}),
    "transform": Try({"fields": {"a": ASKED, "b": {"c": [f"<{ASKED}>"]}}}),
}
ASKING = {
    "agent": Try(
        {"prompt": ASKED, "system": ASKED, "tools": [TOOL]},
        both(models(WANTS_TOOL, answer(TEXT)), answers(in_json([TEXT]))),
    ),
    "classify": Try(
        {"text": ASKED, "labels": [{"name": "yes", "description": ASKED}]},
        models(answer('{"label": "yes"}')),
        says=False,
    ),
    "code": Try(
        {"source": "text", "inputs": {"text": ASKED}},
        lambda world: world.sandbox.answers.append(CodeAnswer([TEXT], TEXT)),
    ),
    "email": Try(
        {"to": "ada@example.com", "subject": ASKED, "body": ASKED},
        says=False,
    ),
    "extract": Try(
        {"text": ASKED, "instructions": ASKED, "schema": {"type": "object"}},
        models(answer(json.dumps({"a": TEXT}))),
    ),
    "file_read": Try(
        {"file": {"id": "{{ visitor.file }}"}},
        lambda world: world.files.add("a.txt", TEXT.encode()),
    ),
    "file_write": Try({"name": ASKED, "format": "md", "content": ASKED}),
    "http": Try(
        {
            "url": f"https://x.test/?q={ASKED}",
            "method": "POST",
            "headers": {"X-Asked": ASKED},
            "query": {"a": ASKED},
            "body": {"a": ASKED},
        },
        answers(in_json({"a": TEXT})),
    ),
    "image": Try({"model": "a/b", "prompt": ASKED}, makes(PICTURE), says=False),
    "knowledge": Try(
        {"collection": "x", "query": ASKED},
        lambda world: world.knowledge.known.update(x=[Match(TEXT, 1, TEXT, "d", 0)]),
    ),
    "llm": Try({"prompt": ASKED, "system": ASKED}, models(answer(TEXT))),
    "mcp": Try(
        {"url": "https://x.test", "tool": "t", "arguments": {"a": ASKED}},
        lambda world: world.mcp.answers.append(
            McpAnswer([{"type": "text", "text": TEXT}], {"a": TEXT})
        ),
    ),
    "memory": Try({"action": "append", "name": "log", "scope": "flow", "value": {"a": ASKED}}),
    "parse": Try({"text": '{"a": {{ visitor.text | json }}}'}, asks=False),
    "speech": Try(
        {"model": "a/b", "text": ASKED, "instructions": ASKED}, makes(PICTURE), says=False
    ),
    "sql": Try(
        {"credential": "x", "query": "SELECT $1", "parameters": [ASKED, {"a": ASKED}]},
        lambda world: world.sql.answers.append(SqlAnswer([{"a": TEXT}], 1)),
    ),
    "transcribe": Try(
        {"model": "a/b", "file": "{{ visitor.file }}", "prompt": ASKED},
        makes(Transcript(TEXT, USED, "fake/model")),
    ),
    "webpage": Try(
        {"url": f"https://x.test/?q={ASKED}"},
        answers(reply(b"<main><h1>" + TEXT.encode() + b"</h1></main>")),
    ),
}
#: Types that the drivers of a run carry out: see the flow below.
CARRIED_OUT = {"approval", "loop", "map", "subflow", "wait"}


def told(world: FakeContext) -> str:
    """All that the world was asked, and was given to keep."""
    doors = (world.sql, world.mail, world.media, world.mcp, world.sandbox, world.files)
    kept = (world.memory.kept, world.knowledge.asked, world.requests, world.calls)
    return repr(doors) + repr(kept)


def check_literal(shown: str, *, expected: bool) -> None:
    assert TEXT in shown or not expected
    for evaluated in EVALUATED:
        assert evaluated not in shown.replace(TEXT, "")


@pytest.mark.parametrize("name", sorted(PURE))
def test_s2_what_was_said_comes_out_of_a_pure_node_as_it_was(name: str) -> None:
    tried = PURE[name]
    result = call(name, tried.config, NAMES, tried.inputs)
    check_literal(repr(result), expected=tried.says)
    assert tried.check(result)


@pytest.mark.parametrize("name", sorted(ASKING))
def test_s2_what_was_said_goes_to_the_world_and_comes_back_as_it_was(name: str) -> None:
    tried = ASKING[name]
    world = FakeContext()
    tried.prepare(world)
    result = perform(name, tried.config, world, NAMES)
    check_literal(told(world), expected=tried.asks)
    check_literal(repr(result), expected=tried.says)
    # What reads the output next is an expression again.
    next_step = call("transform", {"fields": {"all": "{{ ask }}"}}, {"ask": result.output})
    assert next_step.output == {"all": result.output}


CONTAINERS = """
name: Containers
nodes:
  - {id: start, type: input, config: {fields: [{name: text}]}}
  - {id: pause, type: wait, config: {seconds: 0}}
  - id: rows
    type: map
    config: {items: ["{{ start.text }}"], result: "{{ item ~ row.text }}"}
  - {id: row, type: template, parent: rows, config: {template: "<{{ item }}>"}}
  - id: rounds
    type: loop
    config:
      state: {text: "{{ start.text }}"}
      while: "{{ state.text }}"
      update: {text: "{{ state.text ~ again.text }}"}
      max_iterations: 2
  - {id: again, type: template, parent: rounds, config: {template: "{{ state.text }}"}}
  - id: ask
    type: approval
    config: {message: "{{ start.text }}", fields: [{name: note, default: "{{ start.text }}"}]}
  - id: end
    type: output
    config:
      value:
        {rows: "{{ rows.items }}", rounds: "{{ rounds.state.text }}", ask: "{{ ask.data.note }}"}
edges:
  - {from: start, to: pause}
  - {from: pause, to: rows}
  - {from: rows, to: rounds}
  - {from: rounds, to: ask}
  - {from: ask.approved, to: end}
"""


def test_s2_containers_and_people_hand_on_what_was_said_as_it_was() -> None:
    flow = parse(CONTAINERS)
    _, state = run_flow(flow, {"text": TEXT}, FakeContext(decisions=["approved"]))
    made = state.outputs["end"]["value"]
    assert made == {"rows": [f"{TEXT}<{TEXT}>"], "rounds": TEXT * 4, "ask": TEXT}


def test_s2_every_node_type_is_among_these() -> None:
    known = {kind.type for kind in registry().all()}
    assert known == {*PURE, *ASKING, *CARRIED_OUT, "note"}
    assert {kind for kind in known if node_type(kind).control} == CARRIED_OUT
