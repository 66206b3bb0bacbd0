"""What is no flow, too large or hostile is refused with a sentence, or imported without harm."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest

from flows.engine.document import dump_yaml
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.importing.reading import read
from flows.importing.result import ImportRefused
from flows.importing.secrets import LEFT_OUT, Scrubber

SET = "n8n-nodes-base.set"
OWN = {
    "schema": "fluxprompt.flow/v1",
    "name": "Own",
    "nodes": [{"id": "start", "type": "input"}, {"id": "end", "type": "output"}],
    "edges": [{"from": "start", "to": "end"}],
}


def node(name: str, kind: str = SET, **parameters: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "type": kind, "parameters": parameters, "position": [0, 0]}


def n8n(nodes: list[Any], connections: dict[str, Any] | None = None, **more: Any) -> str:
    return json.dumps({"name": "X", "nodes": nodes, "connections": connections or {}, **more})


def to(*names: str) -> dict[str, Any]:
    return {"main": [[{"node": name, "type": "main", "index": 0} for name in names]]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("hello", "has to be a mapping"),
        ("[1, 2]", "has to be a mapping"),
        ('{"a": 1}', "no flow that is known"),
        ('{"a": ', "Not valid JSON"),
        ("a: &x 1\nb: *x", "Anchors"),
        ("a: !!python/object/apply:os.system ['id']", "not allowed"),
        ("[" * 5_000, "Not valid JSON"),
        ("[" * 5_000 + "]" * 5_000, "cannot be read"),
        ('{"nodes":' * 200 + "1" + "}" * 200, "deeper than"),
        ("x" * 5_000_001, "5 MB"),
        ('{"a": [' + "1," * 400_000 + "1]}", "values"),
        ('{"workflow": {"nodes": []}}', "only what stands under 'workflow'"),
        ("app: {mode: chat}\nkind: app", "Convert it to a workflow"),
        ("app: {mode: agent}\nworkflow: {graph: {nodes: []}}", "only workflows and chatflows"),
        ('{"nodes": [{"data": {"name": "chatOpenAI"}}]}', "Only Agentflow V2"),
        ('{"flowData": "{\\"nodes\\": []}"}', "Only Agentflow V2"),
        ('{"flowData": "{"}', "cannot be read"),
        ('{"schema": "fluxprompt.flow/v1", "nodes": 3}', "cannot be read"),
        ('{"schema": "fluxprompt.flow/v9", "nodes": []}', "cannot be read"),
        (n8n([node(f"n{n}") for n in range(2_001)]), "2,000 are possible"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_a_reason(text: str, says: str) -> None:
    with pytest.raises(ImportRefused, match=says):
        read(text)


def test_our_own_document_is_taken_as_it_is() -> None:
    imported = read(json.dumps(OWN))
    assert imported.product == "fluxprompt"
    assert imported.counts == {"mapped": 2, "approximated": 0, "unsupported": 0}
    assert read(dump_yaml(imported.document)).document == imported.document


def test_an_empty_workflow_becomes_an_empty_flow() -> None:
    imported = read(n8n([]))
    assert [entry.type for entry in imported.document.nodes] == ["input"]
    assert imported.rows == ()


def test_the_largest_flow_is_imported_in_seconds() -> None:
    nodes = [node(f"Step {n}") for n in range(1_900)]
    connections = {f"Step {n}": to(f"Step {n + 1}") for n in range(1_899)}
    started = time.perf_counter()
    imported = read(n8n(nodes, connections))
    assert len(imported.rows) == 1_900
    assert time.perf_counter() - started < 30


def test_every_node_leading_to_every_other_ends_and_says_what_was_left_out() -> None:
    names = [f"n{n}" for n in range(25)]
    imported = read(n8n([node(n) for n in names], {n: to(*names) for n in names}))
    assert len(imported.rows) == 25
    assert not [p for p in validate(imported.document, registry()) if p.code == "loop"]


def test_of_hundreds_of_circles_fifty_become_loops_and_the_rest_is_left_out_and_said() -> None:
    names = [f"n{n}" for n in range(300)]
    connections = {
        name: to(names[(at + 1) % 300], *(names[max(at - 7, 0)] for _ in range(at % 3 == 2)))
        for at, name in enumerate(names)
    }
    read_name: dict[str, Any] = {"assignments": {"assignments": [
        {"name": "x", "value": "={{ $json.x }}", "type": "string"}]}}  # fmt: skip
    imported = read(n8n([node(name, **read_name) for name in names], connections))
    loops = [node for node in imported.document.nodes if node.type == "loop"]
    left_out = [said for said in imported.messages if "was left out" in said]
    assert len(imported.rows) == 300
    assert 0 < len(loops) <= 50
    assert left_out
    assert not [p for p in validate(imported.document, registry()) if p.code == "loop"]


def test_expressions_that_read_each_other_in_a_circle_end() -> None:
    kept: dict[str, Any] = {"includeOtherFields": True, "assignments": {"assignments": [
        {"name": "x", "value": "={{ $json.y }}", "type": "string"}]}}  # fmt: skip
    connections = {"a": to("b"), "b": to("a")}
    imported = read(n8n([node("a", **kept), node("b", **kept)], connections))
    assert len(imported.rows) == 2


def test_containers_inside_of_themselves_are_taken_out() -> None:
    data = {"type": "iteration", "title": "I", "iterator_selector": ["a", "x"]}
    nodes = [
        {"id": "a", "parentId": "b", "data": data},
        {"id": "b", "parentId": "a", "data": data},
        {"id": "c", "parentId": "c", "data": data},
    ]
    imported = read(
        json.dumps({"app": {"mode": "workflow"}, "workflow": {"graph": {"nodes": nodes}}})
    )
    assert len(imported.rows) == 3
    assert any("inside of itself" in message for message in imported.messages)


JUNK = pytest.mark.parametrize(
    "junk", [None, 7, "x", "={{ $json.a", [], {}, [[]], [None], {"a": {"b": []}}, True]
)
OPERATIONS = ("executeQuery", "toText", "extractHtmlContent")


@JUNK
def test_junk_in_any_setting_is_no_error(junk: Any) -> None:
    from flows.importing.n8n.kinds import KINDS

    keys = (
        *("conditions", "rules", "assignments", "url", "text", "messages", "options", "model"),
        *("workflowId", "formFields", "jsonBody", "amount", "fieldToSplitOut", "sortFieldsUi"),
        *("query", "categories", "attributes", "pythonCode", "toEmail", "fieldsToSummarize"),
        *("extractionValues", "fileSelector", "binaryPropertyName", "prompt", "mode", "html"),
    )
    for operation in OPERATIONS:
        more = {"operation": operation, "language": "python"}
        nodes = [node(kind, kind, **dict.fromkeys(keys, junk) | more) for kind in KINDS]
        connections = {kind: to(other) for kind, other in pairwise(KINDS)}
        assert len(read(n8n(nodes, connections)).rows) == len(KINDS)


@JUNK
def test_junk_in_any_part_of_an_agent_is_no_error(junk: Any) -> None:
    from flows.importing.n8n.kinds import KINDS

    keys = (
        *("url", "workflowInputs", "fields", "parametersQuery", "parametersBody", "jsonBody"),
        *("placeholderDefinitions", "endpointUrl", "includeTools", "queryParameters", "model"),
        *("contextWindowLength", "jsonSchemaExample", "description", "options", "toolDescription"),
    )
    parts = [node(kind, kind, **dict.fromkeys(keys, junk)) for kind in KINDS]
    ports = ("ai_tool", "ai_memory", "ai_languageModel", "ai_outputParser", "ai_retriever")
    agent = {port: [[{"node": "Agent", "type": port, "index": 0}]] for port in ports}
    agents = [node("Agent", "agent"), node("Ask", "chainRetrievalQa")]
    imported = read(n8n([*agents, *parts], dict.fromkeys(KINDS, agent)))
    assert len(imported.rows) == len(parts) + 2


@JUNK
def test_junk_in_any_setting_of_dify_and_flowise_is_no_error(junk: Any) -> None:
    from flows.importing.dify.importer import KINDS as DIFY
    from flows.importing.flowise.importer import KINDS as FLOWISE

    keys = (
        *("variables", "code", "query_variable_selector", "dataset_ids", "agent_parameters"),
        *("tool_parameters", "tool_name", "variable_selector", "classes", "parameters", "model"),
        *("memory", "vision", "authorization", "body", "prompt_template", "context"),
    )
    for kind_of in ("mcp", "workflow"):
        data = {"title": "T", "provider_type": kind_of, **dict.fromkeys(keys, junk)}
        nodes = [{"id": kind, "data": {**data, "type": kind}} for kind in DIFY]
        text = json.dumps({"app": {"mode": "workflow"}, "workflow": {"graph": {"nodes": nodes}}})
        assert len(read(text).rows) == len(DIFY)
    names = (
        *("agentTools", "agentModelConfig", "agentMessages", "agentKnowledgeDocumentStores"),
        *("toolInputArgs", "toolAgentflowSelectedToolConfig", "retrieverQuery", "llmMessages"),
        *("agentStructuredOutput", "agentToolsBuiltInOpenAI", "retrieverKnowledgeDocumentStores"),
    )
    for tool in ("customMCP", "requestsGet", "ChatflowTool"):
        inputs = {**dict.fromkeys(names, junk), "toolAgentflowSelectedTool": tool}
        inputs |= {"agentTools": [{"agentSelectedTool": tool, "agentSelectedToolConfig": junk}]}
        made = [{"id": kind, "data": {"name": kind, "inputs": inputs}} for kind in FLOWISE]
        assert len(read(json.dumps({"nodes": made})).rows) == len(FLOWISE)


@pytest.mark.parametrize(
    "text",
    [
        "sk-abcdefghijklmnop1234",
        "Bearer abcdef1234567",
        "xoxb-123456789-abc",
        "https://ann:secret123@example.com",
        'const api_key = "abc123def"',
        "?token=abcdef99",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    ],
)
def test_what_looks_like_a_secret_is_left_out(text: str) -> None:
    scrubbed = Scrubber({}).text(text)
    assert LEFT_OUT in scrubbed
    assert Scrubber({}).text("max_tokens: 100, a basic example of tokens") != LEFT_OUT


def test_a_secret_under_a_telling_name_is_left_out_wherever_it_stands() -> None:
    scrubber = Scrubber(
        {"auth": {"password": "hunter22"}, "headers": [{"name": "X-Api-Key", "value": "k3yk3y"}]}
    )
    assert scrubber.value({"a": ["say hunter22 and k3yk3y", 1]}) == {
        "a": [f"say {LEFT_OUT} and {LEFT_OUT}", 1]
    }


def test_texts_of_a_file_are_never_evaluated_as_templates() -> None:
    assign: dict[str, Any] = {
        "assignments": {"assignments": [{"name": "x", "value": "{{ run.id }}", "type": "string"}]}
    }
    imported = read(n8n([node("a", **assign)]))
    config = next(n.config for n in imported.document.nodes if n.id == "a")
    assert config == {"fields": {"x": "{{ '{{' }} run.id }}"}}
