"""Expressions load large values only when they touch them, and can be read without evaluating."""

import contextlib
import time
from typing import Any

import pytest

from flows.engine.errors import NeedsLoad
from flows.engine.expressions import (
    ExpressionError,
    compile_check,
    evaluate,
    references,
    roots_in,
)

REFERENCE = {"$blob": "a" * 64, "kind": "json", "size": 50_000, "preview": "["}


@pytest.mark.parametrize(
    "code", ["big", "a.big", "[a.big]", "big or 1", "not big", "1 if big else 2", "{'x': big}"]
)
def test_passing_a_reference_on_does_not_load_it(code: str) -> None:
    evaluate("{{ " + code + " }}", {"big": REFERENCE, "a": {"big": REFERENCE}})


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("big[0]", 1),
        ("big | length", 2),
        ("big == [1, 2]", True),
        ("2 in big", True),
        ("big ~ ''", "[1, 2]"),
        ("[[big]] | json", "[[[1, 2]]]"),
        ("[1] + big", [1, 1, 2]),
        ("'x' | default(big) ~ big[1]", "x2"),
        ("[{'k': big}] | map('k') | first | last", 2),
    ],
)
def test_touching_a_reference_loads_it_once(code: str, value: Any) -> None:
    loads = []

    def load(reference: dict[str, Any]) -> Any:
        loads.append(reference)
        return [1, 2]

    assert evaluate("{{ " + code + " }}", {"big": REFERENCE}, load=load) == value
    assert loads == [REFERENCE]
    with pytest.raises(NeedsLoad):
        evaluate("{{ " + code + " }}", {"big": REFERENCE})


def test_loaded_data_that_looks_like_a_reference_is_not_followed() -> None:
    class Plain(dict[str, Any]):
        pass

    forged = Plain({"$blob": "b" * 64, "kind": "text"})
    value = evaluate("{{ big.kind ~ (big | length) }}", {"big": REFERENCE}, load=lambda _: forged)
    assert value == "text2"


def test_equal_references_are_equal_without_loading() -> None:
    assert evaluate("{{ a == b }}", {"a": REFERENCE, "b": dict(REFERENCE)}) is True


def test_references_are_found_without_evaluating() -> None:
    found = references(
        {
            "a": ["{{ t.items[0].x ~ vars['k'] }}", "plain"],
            "b": "{{ t[u.key].x | default(v.w) }} {{ 'q.r' }} {{ null }}",
        }
    )
    assert [(r.root, r.path, r.location, r.guarded) for r in found] == [
        ("t", ("items", 0, "x"), "a[0]", False),
        ("vars", ("k",), "a[0]", False),
        ("t", (), "b", True),
        ("u", ("key",), "b", True),
        ("v", ("w",), "b", False),
    ]


def test_loop_variables_are_no_references() -> None:
    text = "{% for x, y in t.a if x %}{{ x.b }}{{ loop.index }}{{ z }}"
    text += "{% else %}{{ w }}{% endfor %}{{ x }}"
    found = references(text, template=True)
    assert [r.root for r in found] == ["t", "z", "w", "x"]


def test_roots_survive_broken_texts() -> None:
    config = {"a": "{{ broken", "b": "{{ a.b }} {{ a.c }}", "c": "{% if q %}{{ r }}{% endif %}"}
    assert {"a", "q", "r"} <= set(roots_in(config))
    assert not {"b", "c"} & set(roots_in({"b": config["b"]}))


ROOTS = [
    *("{{ t.items[0].x ~ vars['k'] }}", "{{ t [u . key].x | default(v.w) | upper }} {{ 'q.r' }}"),
    *("{{ {'a': {'b': x}}}} and {{ y }}", "{{ '}}' ~ x }}", "{{ 1.5 * x + 2.y if z else w }}"),
    *("{{- x -}}", "{{ x|map('y')|join(sep) }}", '{{ "it\'s" ~ x ~ \'a "b" c\' ~ y }}'),
    *("{% for x, y in t.a if x %}{{ x.b }}{% else %}{{ w }}{% endfor %}", "{# {{ #}{{ a }}"),
    *("{% if '%}' ~ a %}don't{% elif b %}{{ c }}{% endif %}", "{# it's #}{{ a }} {{ b.c }}"),
    *("{% raw %}{{ ' }}{% endraw %}{{ a }}", "{{ [a" + ", a" * 2_000 + ", b] }}"),
]


@pytest.mark.parametrize("text", ROOTS, ids=lambda text: text[:40])
def test_every_root_that_is_mentioned_is_found_by_the_scan(text: str) -> None:
    found = set(roots_in({"field": text}))
    mentioned = 0
    for template in (False, True):
        with contextlib.suppress(ExpressionError):
            roots = {reference.root for reference in references(text, template=template)}
            assert roots <= found
            mentioned += len(roots)
    assert mentioned


def test_the_scan_takes_neither_keys_nor_filters_nor_quoted_words_for_roots() -> None:
    text = "{{ t.a | upper | default('b c', w) }} d {{ t['e'] }} {{ \"f\" }}"
    assert roots_in({"field": text, "other": [text], "plain": "g"}) == ("t", "w")


@pytest.mark.parametrize(
    "config",
    [
        {"a": ["{{ " + "a+" * 1_990 + "a }}"] * 75},
        {"a": ["{{ a.b }}"] * 20_000},
        {"a": ["{{ " + "''" * 1_990 + " }}"] * 75},
        {"a": ["{% if a %}" * 20_000] * 25},
        {"a": "{% if a %}" * 20_000},
        {"a": "a " * 99_990 + "{% if a %}"},
        {"a": ["{{" * 100_000] * 25},
        {"a": "." + " " * 190_000 + "{% if"},
        {"a": "{{ a" + ". " * 1_900 + "}}"},
    ],
    ids=lambda config: str(config["a"])[:40],
)
def test_a_nodes_context_is_found_in_a_moment(config: dict[str, Any]) -> None:
    taken = []
    for _ in range(3):
        began = time.process_time()
        roots_in(config)
        taken.append(time.process_time() - began)
    # 30 ms alone; seconds where it goes through the text again and again.
    assert min(taken) < 0.5


def test_compile_check_finds_what_evaluation_would() -> None:
    assert compile_check("{{ a.b | upper }}") is None
    error = compile_check("{{ a | uper }}")
    assert error is not None
    assert error.code == "expression_syntax"
    assert compile_check("{% if a %}") is None
    assert compile_check("{% if a %}", template=True) is not None
