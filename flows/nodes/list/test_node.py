"""The list node keeps, orders and sums up what its settings say, item by item."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.engine.document import parse
from flows.engine.errors import NodeError
from flows.engine.registry import registry
from flows.engine.tests.support import call
from flows.engine.validate import validate

FRUIT = [
    {"name": "pear", "price": 3, "kind": {"of": "b"}},
    {"name": "apple", "price": 5, "kind": {"of": "a"}},
    {"name": "fig", "price": None, "kind": {"of": "b"}},
    {"name": "Apple", "price": 4.5, "kind": {"of": "a"}},
]
LENGTHS = {"4": 1, "5": 2, "3": 1}


def made(items: Any = FRUIT, context: dict[str, Any] | None = None, **config: Any) -> Any:
    scope = {"rows": items, **(context or {})}
    return call("list", {"items": " {{ rows }} ", **config}, scope).output


def names(**config: Any) -> list[str]:
    return [item["name"] for item in made(**config)["items"]]


def failure(items: Any = FRUIT, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        made(items, **config)
    return caught.value


def test_without_settings_all_is_kept() -> None:
    assert made() == {"items": FRUIT, "count": 4, "value": None}
    assert made([], sort_by="x", unique_by="x", filter="{{ item.x }}") == {
        "items": [],
        "count": 0,
        "value": None,
    }


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"filter": "{{ item.price and item.price > 4 }}"}, ["apple", "Apple"]),
        ({"filter": "\n{{ index in [0, 2] }}\n"}, ["pear", "fig"]),
        ({"filter": "{{ item.name == wanted }}"}, ["fig"]),
        ({"filter": False}, []),
        ({"filter": ""}, ["pear", "apple", "fig", "Apple"]),
        ({"sort_by": "price"}, ["pear", "Apple", "apple", "fig"]),
        ({"sort_by": "price", "descending": True}, ["apple", "Apple", "pear", "fig"]),
        ({"sort_by": "{{ item.name | lower }}"}, ["apple", "Apple", "fig", "pear"]),
        ({"sort_by": "kind.of"}, ["apple", "Apple", "pear", "fig"]),
        ({"unique_by": "{{ item.name | lower }}"}, ["pear", "apple", "fig"]),
        ({"unique_by": "kind.of", "sort_by": "name", "limit": "1"}, ["apple"]),
        ({"limit": 0}, []),
        ({"limit": ""}, ["pear", "apple", "fig", "Apple"]),
    ],
)
def test_items_are_kept_and_ordered(config: dict[str, Any], wanted: list[str]) -> None:
    assert names(context={"wanted": "fig"}, **config) == wanted


@pytest.mark.parametrize(
    ("aggregate", "wanted"),
    [
        ({"function": "count"}, 4),
        ({"function": "sum", "of": "price"}, 12.5),
        ({"function": "mean", "of": "price"}, 12.5 / 3),
        ({"function": "min", "of": "name"}, "Apple"),
        ({"function": "max", "of": "price"}, 5),
        ({"function": "join", "of": "{{ item.name | upper }}"}, "PEAR, APPLE, FIG, APPLE"),
        ({"function": "first", "of": "price", "by": "kind.of"}, {"b": 3, "a": 5}),
        ({"function": "last", "of": "price", "by": "kind.of"}, {"b": 3, "a": 4.5}),
        ({"function": "count", "by": "{{ item.price == null }}"}, {"false": 3, "true": 1}),
        ({"function": "sum", "of": "{{ 1 }}", "by": "{{ item.name | length }}"}, LENGTHS),
    ],
)
def test_an_aggregate_is_of_what_is_left(aggregate: dict[str, Any], wanted: Any) -> None:
    assert made(aggregate=aggregate)["value"] == wanted


@pytest.mark.parametrize("function", ["mean", "min", "max", "first", "last"])
def test_of_nothing_there_is_no_value(function: str) -> None:
    assert made([], aggregate={"function": function})["value"] is None
    assert made([None], aggregate={"function": function})["value"] is None
    assert made([], aggregate={"function": "sum"})["value"] == 0


@pytest.mark.parametrize(
    ("items", "config", "code", "field"),
    [
        ("text", {}, "config_invalid", "items"),
        ([1] * 100_001, {}, "list_too_long", "items"),
        (FRUIT, {"filter": "{{ item.nam }}"}, "expression_unknown_name", "filter"),
        (FRUIT, {"sort_by": "{{ item.price + 1 }}"}, "expression_type", "sort_by"),
        (FRUIT, {"aggregate": {"function": "sum", "of": "name"}}, "not_a_number", "aggregate"),
        ([1e308] * 2, {"aggregate": {"function": "sum"}}, "not_a_number", "aggregate"),
        ([10**400, 1], {"aggregate": {"function": "mean"}}, "not_a_number", "aggregate"),
        ([True], {"aggregate": {"function": "mean"}}, "not_a_number", "aggregate"),
        ([1], {"aggregate": {"function": "median"}}, "config_invalid", "aggregate.function"),
        ([1], {"limit": -1}, "config_invalid", "limit"),
    ],
)
def test_what_cannot_be_done_says_so(
    items: Any, config: dict[str, Any], code: str, field: str
) -> None:
    error = failure(items, **config)
    assert (error.code, error.field) == (code, field)


def test_all_items_together_have_one_budget() -> None:
    words = [" ".join(["word"] * 200)] * 100_000
    assert failure(words, filter="{{ item | split | length > 3 }}").code == "expression_budget"
    assert made(list(range(20_000)), filter="{{ item % 2 == 0 }}")["count"] == 10_000


def test_braces_in_items_stay_text() -> None:
    assert made(["{{ 1+1 }}"], sort_by="{{ item }}")["items"] == ["{{ 1+1 }}"]
    grouped = made([{"a": "{{ 1+1 }}"}], aggregate={"function": "count", "by": "a"})
    assert grouped["value"] == {"{{ 1+1 }}": 1}


@given(st.lists(st.none() | st.integers(-5, 5) | st.text(max_size=2) | st.booleans()))
def test_sorting_and_uniqueness_lose_and_invent_nothing(items: list[Any]) -> None:
    up = made(items, sort_by="{{ item }}")["items"]
    down = made(items, sort_by="{{ item }}", descending=True)["items"]
    assert sorted(map(repr, up)) == sorted(map(repr, down)) == sorted(map(repr, items))
    known = [item for item in up if item is not None]
    assert up == known + [None] * (len(items) - len(known))
    unique = made(items, unique_by="{{ item }}")["items"]
    assert len(unique) == len({repr(item) for item in items})


def test_item_is_known_in_its_settings_alone() -> None:
    start = {"id": "start", "type": "input", "config": {"fields": [{"name": "rows"}]}}
    config = {"items": "{{ start.rows }}", "filter": "{{ item.a == start.rows }}"}

    def problems(**more: Any) -> list[str]:
        nodes = [start, {"id": "keep", "type": "list", "config": {**config, **more}}]
        document = parse({"name": "L", "nodes": nodes, "edges": [{"from": "start", "to": "keep"}]})
        return [p.code for p in validate(document, registry()) if p.severity == "error"]

    assert problems() == []
    assert problems(aggregate={"function": "sum", "of": "{{ item.a + index }}"}) == []
    assert problems(limit="{{ item }}") == ["unknown_reference"]
    assert problems(sort_by="{{ start.nothing }}") == ["unknown_field"]
    assert problems(sort_by="{{ keep.count }}") == ["reference_not_before"]
