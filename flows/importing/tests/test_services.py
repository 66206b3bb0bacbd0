"""Code, SQL, mail, files, sums and requests of the other products."""

import json
from itertools import pairwise
from typing import Any

import pytest

from flows.engine.tests.driver import run_flow
from flows.engine.tests.support import FakeContext
from flows.importing import python
from flows.importing.code import Untranslatable
from flows.importing.reading import read
from flows.importing.result import Imported
from flows.importing.tests.samples_for_tests import sample
from flows.importing.tests.test_agents import config, told
from flows.importing.tests.test_running import said as answered

JSON = Any
BASE = "n8n-nodes-base."


def row_of(*nodes: tuple[str, str, dict[str, JSON]]) -> Imported:
    """A workflow of n8n whose nodes follow one another."""
    made = [{"name": n, "type": BASE + kind, "parameters": p} for n, kind, p in nodes]
    names = [name for name, _, _ in nodes]
    connections = {
        a: {"main": [[{"node": b, "type": "main", "index": 0}]]} for a, b in pairwise(names)
    }
    return read(json.dumps({"name": "x", "nodes": made, "connections": connections}))


START = ("Start", "executeWorkflowTrigger", {"workflowInputs": {"values": [{"name": "a"}]}})


@pytest.mark.parametrize(
    ("query", "replaced", "ours", "parameters"),
    [
        ("SELECT 1", "", "SELECT 1", None),
        ("SELECT {{ $json.a }}::int", "", "SELECT $1::int", ["{{ start.a }}"]),
        ("SELECT * FROM t WHERE n = '{{ $json.a }}'", "", "SELECT * FROM t WHERE n = $1", [
            "{{ start.a }}"]),
        ("SELECT 'it''s', '%{{ $json.a }}%', 'b'", "", "SELECT 'it''s', $1, 'b'", [
            "%{{ start.a }}%"]),
        ("SELECT $1, $2", "={{ $json.a }}, x", "SELECT $1, $2", ["{{ start.a }}", "x"]),
        ("SELECT $1, {{ $json.a }}", "=b", "SELECT $1, $2", ["b", "{{ start.a }}"]),
        ("SELECT $1", "={{ [$json.a, 2] }}", "SELECT $1", "{{ [start.a, 2] }}"),
    ],
)  # fmt: skip
def test_expressions_in_sql_become_parameters(
    query: str, replaced: str, ours: str, parameters: JSON
) -> None:
    options = {"queryReplacement": replaced} if replaced else {}
    settings = {"operation": "executeQuery", "query": query, "options": options}
    made = config(row_of(START, ("Ask", "postgres", settings)), "ask")
    assert made["query"] == ours
    assert made.get("parameters") == parameters
    assert "read_only" not in made


@pytest.mark.parametrize(
    "query", ["INSERT INTO t VALUES (1)", "WITH a AS (DELETE FROM t) SELECT 1", "SELECT 1 INTO t"]
)
def test_sql_that_changes_something_is_not_read_only(query: str) -> None:
    settings = {"operation": "executeQuery", "query": query}
    assert config(row_of(START, ("Ask", "mySql", settings)), "ask")["read_only"] is False


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"operation": "executeQuery", "query": "={{ $json.a }}"}, "has to be written"),
        ({"operation": "executeQuery", "query": "SELECT '{{ $json.a }}"}, "not closed"),
        ({"operation": "insert", "table": "t"}, "as SQL"),
    ],
)
def test_sql_that_the_file_does_not_hold_is_replaced(settings: dict[str, JSON], says: str) -> None:
    status, said = told(row_of(START, ("Ask", "postgres", settings)), "Ask")
    assert status == "unsupported"
    assert says in said


@pytest.mark.parametrize(
    ("product", "name", "node"),
    [
        ("n8n", "files_and_data.json", "Old script"),
        ("n8n", "strangers.json", "Code"),
        ("flowise", "unsupported.json", "Custom JS"),
        ("dify", "agent_and_code.yml", "Script"),
    ],
)
def test_javascript_is_to_be_written_anew(product: str, name: str, node: str) -> None:
    status, said = told(sample(f"{product}/{name}"), node)
    assert status == "unsupported"
    assert "JavaScript is not run here" in said


def test_dify_code_is_called_with_its_variables() -> None:
    made = config(sample("dify/agent_and_code.yml"), "count")
    assert made["inputs"] == {"text": "{{ start.query }}"}
    assert made["source"].endswith("\n\nresult = main(text=text)\n")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def main(", "line 1 is no Python 3"),
        ("def other(): pass", "no function 'main'"),
        ("(" * 5_000, "Python"),
        ("x = 1\n" * 20_000, "longer than"),
        ("print 'a'", "line 1"),
        ("a\0b", "Python"),
    ],
)
def test_python_that_cannot_be_read_is_refused_with_a_reason(source: str, says: str) -> None:
    with pytest.raises(Untranslatable, match=says):
        python.signature_of(source, "main")


def test_texts_of_several_lines_stay_as_they_are_within_a_function() -> None:
    source = 'a = """x\n  y\n"""\nif a:\n    b = f"""\n{a}"""\nreturn b'
    made: dict[str, JSON] = {}
    exec(compile(python.as_function(source, "script"), "test", "exec"), made)
    assert made["script"]() == "\nx\n  y\n"


def test_the_names_of_a_function_and_those_that_it_needs_are_found() -> None:
    found = python.signature_of("def main(a, b=1, *, c, d=2): pass", "main")
    assert (found.names, found.required) == (frozenset("abcd"), frozenset("ac"))
    assert python.signature_of("def main(**all): pass", "main").is_open


def test_a_list_is_summed_up_at_once_and_by_group() -> None:
    rows = [{"price": 2, "kind": "a"}, {"price": 5, "kind": "b"}, {"price": None, "kind": "a"}]
    both = {"values": [{"aggregation": "sum", "field": "price"},
                       {"aggregation": "average", "field": "price"},
                       {"aggregation": "count", "field": "price"}]}  # fmt: skip
    one = {"values": [{"aggregation": "sum", "field": "price"}]}
    imported = row_of(
        START,
        ("Get", "httpRequest", {"url": "https://example.com"}),
        ("Split", "splitOut", {"fieldToSplitOut": "rows"}),
        ("Sums", "summarize", {"fieldsToSummarize": both}),
    )
    world = FakeContext(answers=[answered({"rows": rows})])
    finish, _ = run_flow(imported.document, {"a": None}, world)
    sums = {"sum_price": 7, "average_price": 3.5, "count_price": 2}
    assert finish.outputs == {"sums_result": sums}
    grouped = {"fieldsToSummarize": one, "fieldsToSplitBy": "kind"}
    imported = row_of(
        START,
        ("Get", "httpRequest", {"url": "https://example.com"}),
        ("Split", "splitOut", {"fieldToSplitOut": "rows"}),
        ("Sums", "summarize", grouped),
    )
    world = FakeContext(answers=[answered({"rows": rows})])
    finish, _ = run_flow(imported.document, {"a": None}, world)
    assert finish.outputs == {"sums_result": {"a": 2, "b": 5}}
    assert told(imported, "Sums")[0] == "approximated"


def test_a_mail_goes_to_each_address_with_the_files_that_steps_made() -> None:
    made = config(sample("n8n/files_and_data.json"), "mail")
    assert made["to"] == ["ann@example.com", "bo@example.com"]
    assert (made["cc"], made["body_type"]) == (["cy@example.com"], "html")
    assert made["credential"] == "Shop mail"
    assert made["attachments"] == [{"file": "{{ file.file }}"}]


def test_files_are_read_from_the_step_that_gives_them() -> None:
    imported = sample("n8n/files_and_data.json")
    assert config(imported, "begin")["fields"] == [{"name": "read_file", "type": "file"}]
    assert config(imported, "rows") == {"file": "{{ read.file }}", "mode": "table"}
    assert config(imported, "feed") == {"text": "{{ page.text }}", "format": "xml"}
    assert config(imported, "file")["content"] == "{{ rows.rows }}"


def test_a_file_that_no_step_gives_is_to_be_named() -> None:
    imported = row_of(START, ("Read", "extractFromFile", {"operation": "pdf"}))
    status, said = told(imported, "Read")
    assert status == "approximated"
    assert "no step before it gives this file" in said
    assert "to_be_written" in config(imported, "read")["file"]


def test_a_key_of_a_dify_request_is_a_variable_or_a_credential_to_be_stored() -> None:
    imported = sample("dify/agent_and_code.yml")
    assert config(imported, "call")["headers"] == {"Authorization": "Bearer {{ vars.KEY }}"}
    imported = sample("dify/requests.yml")
    named = [n for n in imported.document.nodes if n.config.get("credential")]
    assert len(named) == 1
    assert any("Bearer token" in text for row in imported.rows for text in row.messages)


def test_a_file_that_a_step_made_is_sent_by_a_request() -> None:
    fields = [
        {"name": "note", "value": "hi"},
        {"name": "scan", "parameterType": "formBinaryData", "inputDataFieldName": "data"},
    ]
    send = {"method": "POST", "url": "https://example.com", "sendBody": True}
    form = {**send, "contentType": "multipart-form-data"}
    form["bodyParameters"] = {"parameters": fields}
    imported = row_of(
        START,
        ("Make", "convertToFile", {"operation": "toText", "sourceProperty": "a"}),
        ("Send", "httpRequest", form),
    )
    made = config(imported, "send")
    assert made["body"] == {"note": "hi", "scan": "{{ make.file }}"}
    assert made["body_type"] == "multipart"
    imported = row_of(
        START,
        ("Make", "convertToFile", {"operation": "toText", "sourceProperty": "a"}),
        ("Send", "httpRequest", {**send, "contentType": "binaryData"}),
    )
    made = config(imported, "send")
    assert (made["body"], made["body_type"]) == ("{{ make.file }}", "file")


def test_of_a_list_it_is_said_where_only_its_first_item_is_read() -> None:
    ask = ("Ask", "postgres", {"operation": "executeQuery", "query": "SELECT 1 AS n"})
    one = ("One", "set", {"assignments": {"assignments": [
        {"name": "n", "value": "={{ $json.n }}", "type": "number"}]}})  # fmt: skip
    imported = row_of(START, ask, one)
    assert config(imported, "one") == {"fields": {"n": "{{ ask.rows[0].n }}"}}
    assert "read the first item" in told(imported, "Ask")[1]
    script = ("All", "code", {"language": "pythonNative", "pythonCode": "return _items"})
    imported = row_of(START, ask, script)
    assert config(imported, "all")["inputs"] == {"items": "{{ ask.rows }}"}
    assert "read the first item" not in told(imported, "Ask")[1]
