"""The agent asks, calls its tools and asks again; what it does follows from its steps alone."""

import json
from typing import Any

import pytest

from flows.engine.doors.flows import FlowFacts
from flows.engine.doors.mcp import McpAnswer, McpTool
from flows.engine.doors.memory import Turn
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.node_type import HttpAnswer, ModelAnswer, ToolCall
from flows.engine.tests.fake_doors import FakeMemories
from flows.engine.tests.support import FakeContext, answer, node_type, perform
from flows.nodes.agent.tools import may_ask

JSON = Any
ORDER: dict[str, JSON] = {
    "type": "http",
    "name": "find_order",
    "url": "https://shop.test/orders/{number}",
    "parameters": [
        {"name": "number"},
        {"name": "with_lines", "type": "boolean", "required": False},
    ],
}
FLOW: dict[str, JSON] = {"type": "flow", "flow": "refund", "inputs": {"currency": "EUR"}}
REFUND = FlowFacts(
    "f1",
    "refund",
    "Refund",
    "Pays back",
    [
        {"name": "amount", "type": "number", "required": True, "description": "How much"},
        {"name": "currency", "type": "string", "required": True},
    ],
)


def calls(*wanted: tuple[str, dict[str, JSON] | None]) -> ModelAnswer:
    made = tuple(
        ToolCall(f"c{number}", name, arguments) for number, (name, arguments) in enumerate(wanted)
    )
    return ModelAnswer("Let me see.", ModelUsage(7, 3), "fake/model", "tool_calls", made, ["kept"])


def found(body: JSON, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, {}, json.dumps(body).encode(), "https://shop.test")


def work(world: FakeContext, tools: list[dict[str, JSON]], **more: JSON) -> dict[str, JSON]:
    return perform("agent", {"prompt": "Where is 10-2841?", "tools": tools, **more}, world).output


def told(world: FakeContext, at: int = -1) -> list[JSON]:
    """What the model was told of its calls."""
    return [m["content"] for m in world.requests[at].messages if m["role"] == "tool"]


def test_without_tools_it_is_one_answer() -> None:
    world = FakeContext(models=[answer("Hello")])
    output = work(world, [])
    assert (output["text"], output["json"], len(output["steps"])) == ("Hello", None, 1)
    assert [step.name for step in world.steps.done] == ["model"]


def test_calls_are_made_and_their_results_told_until_it_answers() -> None:
    two = calls(
        ("find_order", {"number": "../a b?x=1", "with_lines": True}),
        ("find_order", {"number": "{{ 1+1 }}"}),
    )
    world = FakeContext(
        models=[two, answer("On its way")], answers=[found({"state": "sent"}), found("{{ 2+2 }}")]
    )
    output = work(world, [ORDER])
    assert output["text"] == "On its way"
    assert output["usage"]["input_tokens"] == 12
    # No argument leads out of its place in the address.
    assert world.calls[0]["url"] == "https://shop.test/orders/..%2Fa%20b%3Fx%3D1"
    assert world.calls[0]["query"] == {"with_lines": "true"}
    assert world.calls[1]["url"].endswith("/%7B%7B%201%2B1%20%7D%7D")
    assert told(world) == ['{"state": "sent"}', "{{ 2+2 }}"]
    assert [step["type"] for step in output["steps"]] == ["model", "tool", "tool", "model"]
    said = world.requests[1].messages[1]
    assert (said["said"], said["model"]) == (["kept"], "fake/model")
    assert [step.number for step in world.steps.done] == [0, 1, 2, 4, 6]


def test_what_was_recorded_is_not_done_again() -> None:
    world = FakeContext(
        models=[calls(("find_order", {"number": "1"})), answer("Sent")], answers=[found(1)]
    )
    first = work(world, [ORDER])
    again = FakeContext()
    again.steps.kept = world.steps.kept
    assert work(again, [ORDER]) == first
    assert (again.requests, again.calls, again.steps.done) == ([], [], [])


def test_arguments_of_a_post_go_into_its_body() -> None:
    tool = {**ORDER, "method": "post", "url": "https://shop.test/orders", "body": {"by": "bot"}}
    world = FakeContext(
        models=[calls(("find_order", {"number": "1"})), answer("Done")], answers=[found({})]
    )
    work(world, [tool])
    assert json.loads(world.calls[0]["content"]) == {"by": "bot", "number": "1"}
    assert world.steps.done[2].idempotent is False


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("find_order", None), "no JSON object"),
        (("find_order", {"number": 5}), "do not fit"),
        (("find_order", {"number": "1", "headers": {}}), "do not fit"),
        (("find_order", {"number": ".."}), "part of an address"),
        (("fnd_order", {}), "There is no tool 'fnd_order'. There are: find_order."),
    ],
)
def test_what_cannot_be_called_is_told_and_fails_nothing(call: JSON, said: str) -> None:
    world = FakeContext(models=[calls(call), answer("Sorry")])
    output = work(world, [ORDER])
    assert output["text"] == "Sorry"
    assert said in told(world)[0]
    assert world.requests[1].messages[-1]["is_error"] is True
    assert world.calls == []
    assert said in output["steps"][1]["error"]


def test_a_call_that_fails_is_told() -> None:
    gone = NodeError("connection_failed", "The call to 'shop.test' failed.")
    world = FakeContext(
        models=[
            calls(("find_order", {"number": "1"}), ("find_order", {"number": "2"})),
            answer("?"),
        ],
        answers=[gone, found({"detail": "no such order"}, 404)],
    )
    work(world, [ORDER])
    assert "failed" in told(world)[0]
    assert "404" in told(world)[1]


def test_flows_are_asked_with_what_is_given_always() -> None:
    world = FakeContext(models=[calls(("refund", {"amount": 5})), answer("Paid")])
    world.flows.known["refund"] = REFUND
    world.steps.scripted = [{"end": {"paid": True}}]
    work(world, [FLOW])
    [asked] = world.steps.asked
    assert (asked.type, asked.config) == (
        "subflow",
        {"flow": "f1", "inputs": {"amount": 5, "currency": "EUR"}},
    )
    assert told(world) == ['{"paid": true}']
    [spec] = world.requests[0].tools
    assert (spec.name, spec.description) == ("refund", "Pays back")
    assert set(spec.input_schema["properties"]) == {"amount"}
    assert spec.input_schema["required"] == ["amount"]


def test_a_person_is_asked_before_what_needs_approval() -> None:
    world = FakeContext(
        models=[
            calls(
                ("refund", {"amount": 5}),
                ("refund", {"amount": 9}),
                ("find_order", {"number": "1"}),
            ),
            answer("Half"),
        ],
        answers=[found("sent")],
    )
    world.flows.known["refund"] = REFUND
    world.steps.scripted = [
        {"decision": "approved"},
        {"decision": "rejected", "comment": "Too much"},
        {"end": "paid"},
    ]
    work(world, [{**FLOW, "approval": True}, ORDER], approvers=["a@b.c"])
    kinds = [(asked.number, asked.type) for asked in world.steps.asked]
    assert kinds == [(3, "approval"), (5, "approval"), (2, "subflow")]
    assert world.steps.asked[0].config["assignees"] == ["a@b.c"]
    assert '"amount": 5' in world.steps.asked[0].config["message"]
    assert told(world)[0] == "paid"
    assert "did not approve this call. They say: Too much" in told(world)[1]
    assert told(world)[2] == "sent"


def test_tools_of_an_mcp_server_are_offered_by_name_and_called() -> None:
    world = FakeContext(
        models=[calls(("look_up", {"q": "x"}), ("look_up", {"q": "y"})), answer("!")]
    )
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    world.mcp.offered = [McpTool("look.up", "Looks", schema), McpTool("other", "", {})]
    world.mcp.answers = [
        McpAnswer([{"type": "text", "text": "found"}]),
        McpAnswer([{"type": "text", "text": "broken"}], is_error=True),
    ]
    work(world, [{"type": "mcp", "url": "https://tools.test/mcp", "tools": ["look.up"]}])
    assert [spec.name for spec in world.requests[0].tools] == ["look_up"]
    asked = [(tool, arguments) for _, tool, arguments in world.mcp.asked]
    assert asked == [("look.up", {"q": "x"}), ("look.up", {"q": "y"})]
    assert told(world) == ["found", "broken"]
    assert [m["is_error"] for m in world.requests[1].messages if m["role"] == "tool"] == [
        False,
        True,
    ]


def test_in_its_last_step_it_may_call_no_more() -> None:
    wanted = calls(("find_order", {"number": "1"}))
    world = FakeContext(models=[wanted, wanted], answers=[found(1)])
    output = work(world, [ORDER], max_steps=2)
    assert [request.may_call for request in world.requests] == [True, False]
    assert output["text"] == "Let me see."
    assert len(world.calls) == 1


def test_an_answer_that_has_to_be_data_is_repaired_once() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    world = FakeContext(models=[answer("no"), answer('{"n": 1}')])
    output = work(world, [], output_schema=schema)
    assert (output["json"], output["usage"]["output_tokens"]) == ({"n": 1}, 10)
    with pytest.raises(NodeError) as caught:
        work(FakeContext(models=[answer("no"), answer("no")]), [], output_schema=schema)
    assert caught.value.code == "output_invalid"


@pytest.mark.parametrize(
    ("tools", "field"),
    [
        ([{**ORDER, "parameters": [{"name": "a"}, {"name": "a"}]}], "tools[0].http"),
        ([{"type": "mcp"}], "tools[0].mcp"),
        ([{"type": "magic"}], "tools[0]"),
        ([ORDER, ORDER], "tools"),
    ],
)
def test_tools_that_cannot_be_say_so(tools: JSON, field: str) -> None:
    with pytest.raises(NodeError) as caught:
        work(FakeContext(models=[answer("x")]), tools)
    assert (caught.value.code, caught.value.field) == ("config_invalid", field)


def test_a_long_result_is_cut_for_the_model_and_the_output() -> None:
    world = FakeContext(
        models=[calls(("find_order", {"number": "1"})), answer("Long")],
        answers=[found("x" * 60_000)],
    )
    output = work(world, [ORDER])
    assert "10,000 more characters were left out" in told(world)[0]
    assert len(output["steps"][1]["result"]) == 2_000


def test_nobody_is_asked_about_arguments_that_nobody_can_read() -> None:
    world = FakeContext(models=[calls(("find_order", {"number": "1" * 60_000})), answer("Well")])
    work(world, [{**ORDER, "approval": True}])
    assert "too many for that" in told(world)[0]
    with pytest.raises(NodeError) as caught:
        work(FakeContext(), [], approvers=["nobody in particular"])
    assert (caught.value.code, caught.value.field) == ("config_invalid", "approvers[0]")


def test_it_waits_for_no_more_people_than_a_run_can_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.nodes.agent.toolbox.MOST_WAITS", 1)
    two = calls(("find_order", {"number": "1"}), ("find_order", {"number": "2"}))
    world = FakeContext(models=[two, answer("Well")], answers=[found(1)])
    world.steps.scripted = [{"decision": "approved"}]
    work(world, [{**ORDER, "approval": True}])
    assert told(world)[0] == "1"
    assert "which is the limit" in told(world)[1]


def test_too_many_calls_at_once_fail() -> None:
    world = FakeContext(models=[calls(*[("find_order", {"number": "1"})] * 33)])
    with pytest.raises(NodeError) as caught:
        work(world, [ORDER])
    assert caught.value.code == "too_many_calls"


def test_whether_it_may_wait_is_known_before_it_runs() -> None:
    assert may_ask({"tools": [FLOW]})
    assert may_ask({"tools": [{**ORDER, "approval": True}]})
    assert may_ask({"tools": "{{ start.tools }}"})
    assert may_ask({"tools": [{**ORDER, "type": "{{ start.kind }}"}]})
    assert not may_ask({"tools": [ORDER]})
    assert not may_ask({})
    assert node_type("agent").has_steps


def test_what_was_said_before_goes_along_as_it_was_when_the_agent_began() -> None:
    memory = FakeMemories("ada", said=[Turn("Hello", "Hi. {{ 1+1 }}")])
    asked = calls(("find_order", {"number": "1"}))
    world = FakeContext(
        models=[asked, answer("On its way")],
        answers=[found({"state": "sent"})],
        memory=memory,
        session_id="ada",
    )
    work(world, [ORDER], memory={"turns": 5})
    said = [(m["role"], m["content"]) for m in world.requests[-1].messages[:3]]
    assert said == [
        ("user", "Hello"),
        ("assistant", "Hi. {{ 1+1 }}"),
        ("user", "Where is 10-2841?"),
    ]
    assert memory.new_turns == [Turn("Where is 10-2841?", "On its way")]
    # Done again after a crash, it goes on from its steps, whatever was said meanwhile.
    memory.said.append(Turn("Meanwhile", "Somebody else"))
    assert work(world, [ORDER], memory={"turns": 5})["text"] == "On its way"
    assert len(world.requests) == 2
    assert [step.name for step in world.steps.done].count("memory") == 1
