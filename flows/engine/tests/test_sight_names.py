"""What completion offers in a node is what an expression there may name, with its fields."""

import random
from typing import Any

import pytest

from flows.engine.document import Document, parse
from flows.engine.expressions.filters import FILTERS
from flows.engine.graph import Graph
from flows.engine.name_fields import MAX_FIELDS, NameField, fields_from, joined
from flows.engine.registry import registry
from flows.engine.sight_names import Name, names_for
from flows.engine.tests.random_flows import random_flow
from flows.engine.validate import validate

JSON = Any
SCHEMA: JSON = {
    "type": "object",
    "properties": {
        "rows": {
            "type": "array",
            "items": {"type": "object", "properties": {"sum": {"type": ["number", "null"]}}},
        },
        "two words": {"type": "string"},
    },
}


def flow() -> Document:
    """An input, a model call with a schema, a map over its rows with a loop in it, a side way."""
    prompt = {"prompt": "x", "output_schema": SCHEMA}
    nodes: list[JSON] = [
        {"id": "start", "type": "input", "config": {"fields": [{"name": "q", "type": "text"}]}},
        {"id": "ask", "type": "llm", "label": "Ask", "config": prompt, "on_error": "branch"},
        {"id": "aside", "type": "template", "config": {"template": "x"}},
        {"id": "rows", "type": "map", "config": {"items": "{{ ask.json.rows }}"}},
        {"id": "first", "type": "template", "parent": "rows", "config": {"template": "x"}},
        {
            "id": "again",
            "type": "loop",
            "parent": "rows",
            "config": {"state": {"n": 1, "to": {"at": "x"}, "v": "{{ item.sum }}"}},
        },
        {"id": "deep", "type": "template", "parent": "again", "config": {"template": "x"}},
        {"id": "end", "type": "output", "config": {"value": "x"}},
        {"id": "remark", "type": "note"},
    ]
    edges = ["start>ask", "start>aside", "ask>rows", "rows>end", "first>again"]
    pairs = [dict(zip(("from", "to"), edge.split(">"), strict=True)) for edge in edges]
    return parse({"name": "T", "nodes": nodes, "edges": pairs})


def seen(node: str, *variables: str, **more: JSON) -> dict[str, Name]:
    found = names_for(flow(), node, variables, **more)
    assert len({name.name for name in found if name.kind != "filter"}) == len(
        [name for name in found if name.kind != "filter"]
    )
    return {name.name: name for name in found if name.kind != "filter"}


def paths(name: Name) -> dict[str, str]:
    return {field.path: field.type for field in name.fields}


def test_a_node_sees_those_before_it_nearest_first_and_run_and_variables() -> None:
    names = seen("rows", "b-1", "a")
    assert list(names) == ["ask", "start", "run", "vars"]
    assert (names["ask"].kind, names["ask"].help) == ("node", "Ask")
    assert paths(names["start"]) == {"q": "text"}
    assert paths(names["vars"]) == {"a": "any", "['b-1']": "any"}
    assert list(paths(names["run"])) == ["id", "started_at", "session_id", "trigger", "flow"]


def test_fields_come_from_outputs_and_schemas_and_the_error_port() -> None:
    ask = paths(seen("rows")["ask"])
    assert ask["text"] == "text"
    assert ask["json"] == "object"
    assert ask["json.rows"] == "list"
    assert ask["json['two words']"] == "text"
    assert (ask["error"], ask["error.code"]) == ("object", "text")


def test_inside_containers_item_and_state_have_the_shape_that_is_known() -> None:
    names = seen("deep")
    assert list(names)[:6] == ["state", "index", "again", "first", "item", "rows"]
    assert paths(names["state"]) == {"n": "number", "to": "object", "to.at": "text", "v": "any"}
    assert (names["item"].type, paths(names["item"])) == ("object", {"sum": "number"})
    assert paths(names["rows"]) == {"item": "object", "item.sum": "number", "index": "number"}
    assert "again" in names["index"].help
    assert "aside" not in names
    assert "item" not in seen("end")


def test_fields_evaluated_inside_a_container_see_what_is_inside() -> None:
    assert "first" not in seen("rows")
    names = seen("rows", field="result")
    assert list(names)[:5] == ["again", "first", "item", "index", "rows"]
    assert "first" not in seen("rows", field="items")
    assert list(seen("again", field="while"))[:3] == ["state", "index", "again"]
    assert list(seen("again", field="update"))[:2] == ["deep", "state"]


def test_the_condition_of_a_retry_sees_the_error() -> None:
    assert list(paths(seen("ask", field="retry.if")["error"])) == [
        *("code", "message", "status", "attempt", "retryable")
    ]
    assert "error" not in seen("ask")


def test_a_disabled_node_is_offered_as_null_and_filters_say_how_they_are_written() -> None:
    content = flow()
    nodes = [n.model_copy(update={"disabled": n.id == "ask"}) for n in content.nodes]
    names = names_for(content.model_copy(update={"nodes": nodes}), "rows", [])
    ask = next(name for name in names if name.name == "ask")
    assert (ask.fields, ask.help) == ((), "Ask: disabled, reads as null")
    filters = [name for name in names if name.kind == "filter"]
    assert [name.name for name in filters] == list(FILTERS)
    assert filters[0].help.startswith("default(other, empty): ")
    assert ask.as_dict()["kind"] == "node"


def test_a_note_sees_nothing_and_an_unknown_node_is_an_error() -> None:
    assert names_for(flow(), "remark", ["a"]) == []
    with pytest.raises(KeyError):
        names_for(flow(), "nobody", [])


def test_of_what_is_wide_or_deep_only_so_many_fields_are_offered() -> None:
    deep: JSON = {"type": "string"}
    for key in ("e", "d", "c", "b"):
        deep = {"type": "object", "properties": {key: deep}}
    wide = {f"k{number}": {"type": "string"} for number in range(400)}
    assert [field.path for field in fields_from({"json": "any"}, {"json": deep})] == [
        *("json", "json.b", "json.b.c", "json.b.c.d")
    ]
    schema = {"type": "object", "properties": wide}
    assert len(fields_from({"json": "any"}, {"json": schema})) == MAX_FIELDS == 300


def test_keys_are_written_as_expressions_read_them() -> None:
    assert [joined("a", key) for key in ("b", "it's", "1")] == ["a.b", "a['it\\'s']", "a['1']"]
    assert NameField(joined("", "b"), "any").path == "b"


def test_what_is_offered_anywhere_in_random_flows_is_what_validation_allows() -> None:
    offers = []
    for seed in range(1_000):
        chance = random.Random(seed)
        document = random_flow(chance)
        graph = Graph(document)
        plain = [name for name in graph.nodes if not graph.children.get(name)]
        if not plain:
            continue
        node = chance.choice(plain)
        name = chance.choice([*graph.nodes, "item", "index", "state"])
        reads = {"type": "template", "config": {"template": f"{{{{ {name} | default('') }}}}"}}
        nodes = [n.model_copy(update=reads) if n.id == node else n for n in document.nodes]
        changed = document.model_copy(update={"nodes": nodes})
        refused = any(
            "reference" in p.code for p in validate(changed, registry()) if p.node == node
        )
        offers.append(name in {found.name for found in names_for(changed, node, [])})
        assert offers[-1] != refused, (seed, node, name)
    assert 200 < sum(offers) < len(offers) - 200


@pytest.mark.parametrize(
    ("node_type", "config", "path", "kind"),
    [
        ("extract", {"text": "x", "schema": SCHEMA}, "json.rows", "list"),
        ("parse", {"text": "x", "schema": SCHEMA}, "value['two words']", "text"),
        ("agent", {"prompt": "x", "output_schema": SCHEMA}, "json.rows", "list"),
        ("image", {"model": "a/b", "prompt": "x"}, "file.url", "text"),
        ("file_write", {"name": "a", "content": "x"}, "file.size", "number"),
        (
            "http",
            {"url": "https://a.example", "paginate": {"next": "{{ links.next }}"}},
            "items",
            "list",
        ),
    ],
)
def test_outputs_that_settings_tell_of_are_offered_with_what_is_in_them(
    node_type: str, config: JSON, path: str, kind: str
) -> None:
    nodes: list[JSON] = [
        {"id": "start", "type": "input", "config": {"fields": [{"name": "f", "type": "file"}]}},
        {"id": "one", "type": node_type, "config": config},
        {"id": "end", "type": "output", "config": {"value": "x"}},
    ]
    edges = [{"from": "start", "to": "one"}, {"from": "one", "to": "end"}]
    document = parse({"name": "T", "nodes": nodes, "edges": edges})
    names = {name.name: name for name in names_for(document, "end", ())}
    assert {field.path: field.type for field in names["one"].fields}[path] == kind
    # How a file is given is for whoever starts the run to say.
    assert [field.path for field in names["start"].fields] == ["f"]
