"""The sql node hands the query on as written and values beside it."""

from typing import Any

import pytest

from flows.engine.doors.sql import SqlAnswer
from flows.engine.errors import NodeError
from flows.engine.node_call import resolve_config
from flows.engine.tests.support import FakeContext, node_type, perform

QUERY = "SELECT * FROM t WHERE a = $1 AND b LIKE '5%'"


def test_values_go_beside_the_query_whatever_they_hold() -> None:
    world = FakeContext()
    world.sql.answers = [SqlAnswer([{"a": "{{ 1+1 }}"}], 1, True)]
    config = {"credential": "Shop", "query": QUERY, "parameters": ["{{ x }}", "n: {{ x }}", 5]}
    result = perform("sql", config, world, {"x": "' OR 1=1 -- {{ 1+1 }}"})
    assert result.output == {"rows": [{"a": "{{ 1+1 }}"}], "count": 1, "truncated": True}
    credential, asked = world.sql.asked[0]
    assert (credential, asked.text) == ("Shop", QUERY)
    hostile = "' OR 1=1 -- {{ 1+1 }}"
    assert asked.parameters == (hostile, f"n: {hostile}", 5)
    assert (asked.max_rows, asked.read_only, asked.seconds) == (1_000, True, 30)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"query": "SELECT * FROM {{ x }}"}, "query"),
        ({"query": ""}, "query"),
        ({"credential": ""}, "credential"),
        ({"max_rows": 10_001}, "max_rows"),
        ({"max_rows": 0}, "max_rows"),
        ({"timeout_seconds": 601}, "timeout_seconds"),
        ({"parameters": "x"}, "parameters"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_asked(
    more: dict[str, Any], field: str
) -> None:
    world = FakeContext()
    with pytest.raises(NodeError) as refused:
        perform("sql", {"credential": "Shop", "query": QUERY, **more}, world, {"x": "t"})
    assert (refused.value.code, refused.value.field) == ("config_invalid", field)
    assert world.sql.asked == []


def test_only_what_reads_is_repeated_by_itself() -> None:
    kind = node_type("sql")
    for read_only in (True, False):
        config = {"credential": "Shop", "query": QUERY, "read_only": read_only}
        assert kind.may_repeat(resolve_config(kind, config, {})[0]) is read_only
