"""The names that fields are offered: all of a small flow, and the nearest fields of a large one."""

from itertools import pairwise
from typing import Any

from flows.engine.document import Document, parse
from flows.engine.sight_names import names_for
from flows.tests.fixtures import GREETING
from flows.views.scope import MOST_FIELDS, scope_of

JSON = Any


def chain(count: int, schema: JSON = None) -> Document:
    """So many model nodes one after another, then a loop that holds one more, `inner`."""
    config = {"model": "openai_compatible/echo", "prompt": "x"}
    config |= {"output_schema": schema} if schema else {}
    asks = [{"id": f"ask{i}", "type": "llm", "config": config} for i in range(count)]
    loop = {"id": "rounds", "type": "loop", "config": {"state": {"count": 0}}}
    nodes = [GREETING["nodes"][0], *asks, loop]
    edges = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(nodes)]
    inner = {"id": "inner", "type": "llm", "parent": "rounds", "config": config}
    return parse({**GREETING, "nodes": [*nodes, inner], "edges": edges})


def paths_seen(document: Document, field: str | None = None) -> list[str]:
    return [
        path
        for name in names_for(document, "rounds", ["tone"], field=field)
        if name.kind != "filter"
        for path in [name.name, *(f"{name.name}.{below.path}" for below in name.fields)]
    ]


def test_a_thousand_nodes_are_named_with_what_only_some_fields_see() -> None:
    document = chain(1_000)
    scope = scope_of(document, "rounds", ["tone"])
    roots = {name.path for name in scope.names if "." not in name.path}
    assert roots == {"start", *(f"ask{i}" for i in range(1_000)), "run", "vars"}
    everywhere = set(paths_seen(document))
    for field, names in scope.fields.items():
        own = [path for path in paths_seen(document, field) if path not in everywhere]
        assert [name.path for name in names] == own
    assert "state.count" in {name.path for name in scope.fields["while"]}
    assert "inner.text" in {name.path for name in scope.fields["update"]}


def test_of_very_many_fields_the_nearest_are_listed_and_other_nodes_are_open() -> None:
    names = [f"part{i}" for i in range(20)]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    document = chain(1_000, schema)
    whole = paths_seen(document)
    scope = scope_of(document, "rounds", ["tone"])
    nodes = {name.path: name for name in scope.names if name.path == name.node}
    fields = [name.path for name in scope.names if name.node and name.path != name.node]
    assert len(nodes) == 1_001
    assert len(whole) > 20_000
    assert fields == [path for path in whole if "." in path][:MOST_FIELDS]
    assert fields[0].startswith("ask999.")
    assert nodes["ask0"].open
    assert nodes["start"].open
    # What no node gives is always there, and the cut makes nothing new in single fields.
    assert {"run.id", "vars.tone"} <= {name.path for name in scope.names}
    assert {name.path for name in scope.fields["retry.if"]} == {
        path for path in paths_seen(document, "retry.if") if path.split(".")[0] == "error"
    }
    own = {path.split(".")[0] for path in (name.path for name in scope.fields["update"])}
    assert own == {"inner", "state", "index", "rounds"}
