"""JavaScript expressions are parsed and translated, and what cannot be is refused with a reason."""

from typing import Any

import pytest

from flows.engine.expressions import evaluate
from flows.importing.code import Code, Untranslatable, braced
from flows.importing.js import Link, Translator
from flows.importing.js_parser import MAX_LENGTH, Name, Tree

DATA = {
    "a": 3, "s": " Ab,c ", "yes": True, "none": None,
    "list": [{"n": 1, "ok": True}, {"n": 2, "ok": False}],
    "o": {"x y": 7, "deep": {"z": [1, 2]}}, "t": "2026-03-01T09:30:00Z", "items": 5,
}  # fmt: skip


def _roots(start: Tree, links: list[Link]) -> tuple[Code, int] | None:
    return (Code("d"), 0) if isinstance(start, Name) and start.name == "$json" else None


def result(source: str) -> Any:
    return evaluate(
        braced(Translator(_roots).source(source)), {"d": DATA, "run": {"started_at": "x"}}
    )


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$json.a + 1", 4),
        ("1 + 2 * 3 - (4 - 5)", 8),
        ("-$json.a % 2 + 7 / 2", 4.5),
        ("$json['o']['x y']", 7),
        ("$json.o.deep.z[1]", 2),
        ("$json.o?.nothing?.more ?? 'other'", "other"),
        ("$json.items", 5),
        ("`<${$json.a}|${$json.s.trim()}>`", "<3|Ab,c>"),
        ("'it\\'s ' + $json.a", "it's 3"),
        ("$json.s.trim().toLowerCase().split(',').join('-')", "ab-c"),
        ("$json.s.length", 6),
        ("$json.a > 2 && !$json.none ? 'big' : 'small'", "big"),
        ("$json.a === 3 || $json.a !== 4", True),
        ("$json.none == null", True),
        ("$json.list.map(i => i.n)", [1, 2]),
        ("$json.list.filter(i => i.n > 1).length", 1),
        ("$json.list.find((i) => i.ok).n", 1),
        ("$json.list.some(i => i.n === 2)", True),
        ("$json.list.every(i => i.ok)", False),
        ("[1, 2].includes($json.a)", False),
        ("$json.s.includes('Ab')", True),
        ("$json.s.replace('A', 'X').slice(1, 3)", "Xb"),
        ("$json.s.endsWith('c ') && $json.s.startsWith(' A')", True),
        ("Math.max($json.a, 9, Math.round(1.6))", 9),
        ("Math.floor(7 / 2) + Math.abs(-2)", 5),
        ("parseInt('12') + Number('0.5')", 12.5),
        ("String(12).length", 2),
        ("JSON.parse('[1]')[0]", 1),
        ("Object.keys($json.o).length", 2),
        ("({a: $json.a, 'b c': [true, null]})", {"a": 3, "b c": [True, None]}),
        ("$json.t.toDateTime().toFormat('dd.MM.yyyy HH:mm')", "01.03.2026 09:30"),
        ("/* a comment */ $json.a // and one more", 3),
        ("1_000 + .5", 1000.5),
        ("'\\u0041\\n'", "A\n"),
        ("true ? 1 : false ? 2 : 3", 1),
    ],
)
def test_an_expression_gives_what_it_gave(source: str, value: Any) -> None:
    assert result(source) == value


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "the end"),
        ("$json.", "name is missing"),
        ("$json.a = 3", "assigns"),
        ("process.env.KEY", "'process' is not known"),
        ("require('fs')", "cannot be called"),
        ("(function () { return 1 })()", "'function'"),
        ("$json.list.reduce(x => x)", "reduce"),
        ("$json.list.map(i => i.n * 2)", "part of its items"),
        ("$json.list.map(i => { return 1 })", "statements"),
        ("$json.s.match(/a/)", "not understood"),
        ("$json.constructor.constructor('x')()", "not"),
        ("a; b", "more than an expression"),
        ("`${`", "closed"),
        ("(" * 200 + "1" + ")" * 200, "nested too deeply"),
        ("!" * 3_000 + "1", "nested too deeply"),
        ("1+" * MAX_LENGTH + "1", "too long"),
        ("typeof $json.a", "typeof"),
    ],
)
def test_what_has_no_like_is_refused_with_a_reason(source: str, reason: str) -> None:
    with pytest.raises(Untranslatable, match=reason):
        Translator(_roots).source(source)


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "}} {{ x", "'", "\\", "{% raw %}", "\n"])
def test_texts_of_the_source_stay_texts(text: str) -> None:
    source = "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
    assert result(source) == text
