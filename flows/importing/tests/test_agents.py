"""Agents, their tools and memories, and nodes that ask models, of the other products."""

import json
from typing import Any

import pytest

from flows.engine.tests.driver import run_flow
from flows.engine.tests.support import FakeContext, answer
from flows.importing.reading import read
from flows.importing.result import Imported
from flows.importing.tests.samples_for_tests import sample

JSON = Any
LANGCHAIN = "@n8n/n8n-nodes-langchain."


def config(imported: Imported, name: str) -> dict[str, JSON]:
    return next(dict(node.config) for node in imported.document.nodes if node.id == name)


def told(imported: Imported, name: str) -> tuple[str, str]:
    """The status of a node of the source, and all that is said of it."""
    row = next(row for row in imported.rows if row.source_name == name)
    return row.status, " ".join(row.messages)


def with_part(kind: str, port: str, **parameters: JSON) -> Imported:
    """An agent of n8n with one part."""
    agent = {"promptType": "define", "text": "Hm?"}
    nodes = [
        {"name": "Agent", "type": f"{LANGCHAIN}agent", "parameters": agent},
        {"name": "Part", "type": kind, "parameters": parameters},
    ]
    ports = {"Part": {port: [[{"node": "Agent", "type": port, "index": 0}]]}}
    return read(json.dumps({"name": "x", "nodes": nodes, "connections": ports}))


def test_an_n8n_agent_keeps_its_models_memory_schema_and_steps() -> None:
    made = config(sample("n8n/agent_with_tools.json"), "assistant")
    assert made["model"] == "openai/gpt-5-mini"
    assert made["fallback_models"] == ["anthropic/claude-haiku-4-5"]
    assert (made["memory"], made["max_steps"]) == ({"turns": 8}, 6)
    assert set(made["output_schema"]["properties"]) == {"reply", "sure"}
    assert made["prompt"] == "{{ chat.chat_input }}"


def test_the_tools_of_an_n8n_agent_are_flows_requests_and_servers() -> None:
    flow, weather, refund, wiki = config(sample("n8n/agent_with_tools.json"), "assistant")["tools"]
    # The model is asked for what the file leaves to it, and only for that.
    assert (flow["type"], flow["flow"], flow["inputs"]) == (
        "flow",
        "order-lookup",
        {"shop": "north"},
    )
    assert weather["url"] == "https://weather.example.com/v1/{city}"
    assert [(one["name"], one.get("required", True)) for one in weather["parameters"]] == [
        ("city", True),
        ("days", False),
    ]
    assert weather["query"] == {"units": "metric"}
    assert refund["url"] == "https://shop.example.com/orders/{order}/refund"
    assert refund["body"] == {"by": "{{ chat.chat_input }}"}
    assert [one["name"] for one in refund["parameters"]] == ["order", "amount"]
    assert wiki == {
        "type": "mcp",
        "url": "https://wiki.example.com/mcp",
        "tools": ["search", "read"],
    }


def test_each_part_of_an_agent_says_what_became_of_it() -> None:
    imported = sample("n8n/agent_with_tools.json")
    assert told(imported, "Second model") == ("mapped", "It became a part of 'Assistant'.")
    assert "'Assistant'. It became a part of 'Shorten'" in told(imported, "Model")[1]
    status, said = told(imported, "Wiki")
    assert status == "approximated"
    assert "credential" in said
    assert told(imported, "Calculator")[0] == "unsupported"
    assert "Left out of its tools: Calculator" in told(imported, "Assistant")[1]


@pytest.mark.parametrize(
    ("kind", "port", "parameters", "says"),
    [
        ("toolCode", "ai_tool", {"jsCode": "return 1"}, "tools here are flows"),
        ("mcpClientTool", "ai_tool", {"endpointUrl": ""}, "tools here are flows"),
        ("toolWorkflow", "ai_tool", {"source": "parameter"}, "tools here are flows"),
        ("agentTool", "ai_tool", {}, "make a flow of that agent"),
        ("toolVectorStore", "ai_tool", {}, "'knowledge'"),
        ("memoryManager", "ai_memory", {}, "setting 'memory'"),
    ],
)
def test_a_part_that_has_no_like_here_is_left_out_and_says_what_to_do(
    kind: str, port: str, parameters: dict[str, JSON], says: str
) -> None:
    imported = with_part(LANGCHAIN + kind, port, **parameters)
    status, said = told(imported, "Part")
    assert status == "unsupported"
    assert says in said
    assert not config(imported, "agent").keys() & {"tools", "memory"}


def test_what_may_be_called_of_a_server_is_said_where_it_is_wider_here() -> None:
    imported = with_part(
        f"{LANGCHAIN}mcpClientTool",
        "ai_tool",
        sseEndpoint="https://a.example/sse",
        include="except",
        excludeTools=["delete"],
    )
    status, said = told(imported, "Part")
    assert status == "approximated"
    assert "Tools were excluded there" in said
    assert "SSE" in said


def test_a_field_of_the_model_deep_in_a_body_is_to_be_written() -> None:
    body = '={ "a": { "b": "{{ $fromAI(\'b\', \'x\') }}" } }'
    imported = with_part(
        "n8n-nodes-base.httpRequestTool",
        "ai_tool",
        method="POST",
        url="https://a.example",
        sendBody=True,
        specifyBody="json",
        jsonBody=body,
    )
    assert "$fromAI" in told(imported, "Part")[1]
    assert "to_be_written" in json.dumps(config(imported, "agent")["tools"])


def test_a_call_to_the_model_that_never_closes_is_read_at_once() -> None:
    url = "={{ $fromAI('a'" + " " * 7_900
    imported = with_part("n8n-nodes-base.httpRequestTool", "ai_tool", url=url * 3)
    assert told(imported, "Part")[0] in ("mapped", "approximated")


def test_parts_that_are_parts_of_each_other_end() -> None:
    names = [f"n{n}" for n in range(60)]
    nodes = [{"name": n, "type": f"{LANGCHAIN}toolWorkflow", "parameters": {}} for n in names]
    every = [{"node": name, "type": "ai_tool", "index": 0} for name in names]
    connections = {name: {"ai_tool": [every]} for name in names}
    imported = read(json.dumps({"name": "x", "nodes": nodes, "connections": connections}))
    assert len(imported.rows) == 60


def test_n8n_sorts_and_extracts_with_models() -> None:
    document = sample("n8n/model_chains.json").document
    extracted = answer('{"number": "7", "due": null}')
    world = FakeContext(models=[answer('{"label": "invoices"}'), extracted])
    finish, _ = run_flow(document, {"question": "Pay 7"}, world)
    assert finish.outputs["show_result"] == {"text": "Invoice 7 of Pay 7"}
    assert "Money that is owed" in (world.requests[0].system or "")
    world = FakeContext(
        models=[answer('{"label": "praise"}'), answer('{"label": "glad"}'), answer("Short.")]
    )
    finish, _ = run_flow(document, {"question": "Nice"}, world)
    assert finish.outputs["shown_result"] == {"text": "Short."}


def test_an_n8n_question_to_documents_is_a_search_and_a_model_that_is_shown_it() -> None:
    imported = sample("n8n/model_chains.json")
    search, asked = config(imported, "look_up"), config(imported, "look_up_answer")
    assert search == {"collection": "handbook", "query": "{{ form.question }}", "top_k": 4}
    assert asked["system"].endswith("{{ look_up.text }}")
    assert "collection 'handbook'" in told(imported, "Look up")[1]


def test_n8n_makes_and_reads_pictures_and_sound() -> None:
    imported = sample("n8n/pictures_and_sound.json")
    types = {node.id: node.type for node in imported.document.nodes}
    assert [types[name] for name in ("words", "picture", "look", "say", "send")] == [
        *("transcribe", "image", "llm", "speech", "email")
    ]
    assert config(imported, "words")["file"] == "{{ form.recording }}"
    assert config(imported, "look")["attachments"] == ["{{ form.photo }}"]
    assert config(imported, "send")["attachments"] == [{"file": "{{ picture.file }}"}]


def test_a_flowise_agent_has_tools_that_people_approve() -> None:
    imported = sample("flowise/agent_with_tools.json")
    server, request, flow = config(imported, "helper")["tools"]
    assert server == {
        "type": "mcp",
        "url": "https://tools.example.com/mcp",
        "tools": ["search"],
        "approval": True,
    }
    assert request["url"] == "https://shop.example.com/orders/{number}"
    assert [one["required"] for one in request["parameters"]] == [True, False]
    assert (flow["type"], flow["flow"], flow["name"]) == ("flow", "refunds", "refund")
    _, said = told(imported, "Helper")
    assert "customMCP, calculator, web_search_preview" in said
    assert "a command is not run here" in said
    assert config(imported, "helper")["memory"] == {"turns": 6}


def test_a_flowise_tool_is_called_and_what_goes_into_its_address_is_encoded() -> None:
    imported = sample("flowise/agent_with_tools.json")
    assert config(imported, "search")["tool"] == "search"
    assert config(imported, "order") == {
        "method": "GET",
        "url": "https://shop.example.com/orders/{{ start.question | urlencode }}",
        "query": {"full": "yes"},
    }


def test_a_dify_agent_has_the_tools_of_servers_and_workflows() -> None:
    imported = sample("dify/agent_and_code.yml")
    made = config(imported, "helper")
    assert made["tools"] == [
        {"type": "mcp", "credential": "Wiki tools", "tools": ["search", "read"]},
        {"type": "flow", "flow": "refund", "name": "refund", "description": "Refund"},
    ]
    assert (made["max_steps"], made["memory"]) == (5, {"turns": 6})
    status, said = told(imported, "Helper")
    assert status == "approximated"
    assert "Tavily" in said
    assert config(imported, "search") == {
        "credential": "Wiki tools",
        "tool": "search",
        "arguments": {"query": "about {{ helper.text }}", "file": "{{ start.photo }}", "limit": 3},
    }


def test_a_dify_model_is_shown_the_text_of_a_search_and_a_picture() -> None:
    made = config(sample("dify/agent_and_code.yml"), "answer_it")
    assert made["system"] == "Use {{ hand_book.text }} and {{ search.text }}"
    assert made["attachments"] == ["{{ start.photo }}"]


def test_dify_classes_are_labels_and_parameters_a_schema() -> None:
    imported = sample("dify/classifier.yml")
    made = config(imported, "sort")
    assert [label["name"] for label in made["labels"]] == ["billing", "everything_else"]
    assert "written so here: billing, everything_else" in told(imported, "Sort")[1]
    kinds = {node.type for node in sample("dify/extractor.yml").document.nodes}
    assert "extract" in kinds
