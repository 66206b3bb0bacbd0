"""The note never runs."""

from flows.engine.document import parse
from flows.engine.graph import Graph
from flows.engine.registry import registry
from flows.engine.tests.support import node_type
from flows.engine.validate import validate


def test_it_is_no_part_of_the_plan_and_may_hold_any_braces() -> None:
    document = parse(
        {
            "name": "Noted",
            "nodes": [
                {"id": "start", "type": "input"},
                {"id": "remark", "type": "note", "config": {"text": "{{ open and {% odd"}},
                {"id": "end", "type": "output"},
            ],
            "edges": [{"from": "start", "to": "end"}],
        }
    )
    assert "remark" not in Graph(document).nodes
    assert validate(document, registry()) == []
    assert not node_type("note").runs
