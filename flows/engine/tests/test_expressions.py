"""What expressions mean: values, operators, filters, errors with a cure, and references."""

from typing import Any

import pytest

from flows.engine.expressions import (
    ExpressionError,
    evaluate,
    render,
    resolve,
    text_of,
)

DATA = {
    "ticket": {
        "subject": "Hello World",
        "n": 3,
        "price": 2.5,
        "items": [{"a": 1, "s": "x"}, {"a": 2, "s": "y"}, {"a": None, "s": "x"}],
        "tags": ["b", "a", "b"],
        "empty": "",
        "odd key": 1,
        "flag": True,
    },
    "skipped": None,
    "run": {"started_at": "2026-03-01T09:05:07+02:00"},
}


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("ticket.subject", "Hello World"),
        ("ticket['odd key']", 1),
        ("ticket.items[0].a", 1),
        ("ticket['items'][-1].s", "x"),
        ("ticket.items[ticket.n - 2].s", "y"),
        ("skipped.text.deeper[0]", None),
        ("null", None),
        ("true and 'x'", "x"),
        ("0 or ticket.n", 3),
        ("not ticket.empty", True),
        ("ticket.n + 1", 4),
        ("ticket.n / 2", 1.5),
        ("7 // 2", 3),
        ("-7 % 4", 1),
        ("2 * -ticket.price", -5.0),
        ("'a' + 'b'", "ab"),
        ("[1] + [2]", [1, 2]),
        ("'n=' ~ ticket.n ~ skipped ~ true ~ [1]", "n=3true[1]"),
        ("1 < ticket.n <= 3", True),
        ("'a' < 'b'", True),
        ("1 == 1.0", True),
        ("1 == true", False),
        ("'1' == 1", False),
        ("[1, {'a': 2}] == [1.0, {'a': 2}]", True),
        ("'World' in ticket.subject", True),
        ("'b' in ticket.tags and 'z' not in ticket.tags", True),
        ("'n' in ticket", True),
        ("'x' in skipped", False),
        ("'yes' if ticket.n > 2 else 'no'", "yes"),
        ("'yes' if ticket.n > 5", None),
        ("{'a': {'b': [1, 2]}}.a.b[1]", 2),
        ("(1, 2)", [1, 2]),
        ("'}}'", "}}"),
        ("'{{'", "{{"),
        ("'it\\'s'", "it's"),
    ],
)
def test_an_expression_has_a_typed_value(code: str, value: Any) -> None:
    result = evaluate("{{ " + code + " }}", DATA)
    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("ticket.missing | default('x')", "x"),
        ("skipped.a | default(0)", 0),
        ("ticket.empty | default('x')", ""),
        ("ticket.empty | default('x', true)", "x"),
        ("nowhere.at.all | default(null)", None),
        ("ticket.tags | length", 3),
        ("skipped | length", 0),
        ("ticket.subject | upper", "HELLO WORLD"),
        ("ticket.subject | lower", "hello world"),
        ("skipped | upper", ""),
        ("'  a ' | trim", "a"),
        ("'--a-' | trim('-')", "a"),
        ("'a-b-c' | replace('-', '+')", "a+b+c"),
        ("'a-b-c' | replace('-', '', 1)", "ab-c"),
        ("'a, b' | split(', ')", ["a", "b"]),
        ("' a  b ' | split", ["a", "b"]),
        ("'a-b-c' | split('-', 1)", ["a", "b-c"]),
        ("ticket.tags | join('+')", "b+a+b"),
        ("ticket.items | join(',', 's')", "x,y,x"),
        ("ticket.tags | first", "b"),
        ("[] | last", None),
        ("'abc' | last", "c"),
        ("ticket.tags | slice(1)", ["a", "b"]),
        ("'hello' | slice(1, 3)", "el"),
        ("'hello' | slice(-2)", "lo"),
        ("ticket.tags | sort", ["a", "b", "b"]),
        ("[3, 1, 2] | sort(descending=true)", [3, 2, 1]),
        ("ticket.items | sort('a', true) | map('a')", [2, 1, None]),
        ("ticket.tags | unique", ["b", "a"]),
        ("[1, 1.0, true, '1', null, null, [1], [1.0]] | unique", [1, True, "1", None, [1], [1.0]]),
        ("ticket.items | unique('s') | length", 2),
        ("ticket.items | map('s')", ["x", "y", "x"]),
        ("ticket.items | map('zzz')", [None, None, None]),
        ("ticket.items | select('a') | length", 2),
        ("ticket.items | select('s', 'x') | length", 2),
        ("ticket.items | select('a', '>=', 2) | map('s')", ["y"]),
        ("ticket.items | reject('s', 'in', ['x']) | length", 1),
        ("[0, 1, '', 'a'] | select", [1, "a"]),
        ("ticket.items | sum('a')", 3),
        ("[] | sum", 0),
        ("[3, 1] | min", 1),
        ("['a', 'b'] | max", "b"),
        ("ticket.items | max('a') | json", '{"a": 2, "s": "y"}'),
        ("[] | max", None),
        ("2.567 | round(1)", 2.6),
        ("2.567 | round", 3),
        ("' 12 ' | int", 12),
        ("'12.7' | int", 12),
        ("'x' | int(0)", 0),
        ("skipped | int(5)", 5),
        ("'1.5' | float", 1.5),
        ("ticket.items[0] | string", '{"a": 1, "s": "x"}'),
        ("'Yes' | bool", True),
        ("'off' | bool", False),
        ("[] | bool", False),
        ("{'é': [1, null]} | json", '{"é": [1, null]}'),
        ("[1] | json(2)", "[\n  1\n]"),
        ("'[1, {\"a\": true}]' | parse_json", [1, {"a": True}]),
        ("{'a': 1, 'b': 2} | keys", ["a", "b"]),
        ("{'a': 1, 'b': 2} | values | sum", 3),
        ("{'a': 1} | items", [["a", 1]]),
        ("run.started_at | date", "2026-03-01"),
        (
            "run.started_at | date('%d %b %Y, %H:%M %z %A %j %%')",
            "01 Mar 2026, 09:05 +0200 Sunday 060 %",
        ),
        ("0 | date('%I %p')", "12 AM"),
        ("'abcdef' | truncate(4)", "abc…"),
        ("'abc' | truncate(3)", "abc"),
        ("'abc' | truncate(2, '.....')", ".."),
        ("'Ça va, Zoë?' | slug", "ca-va-zoe"),
        ("'héy' | base64", "aMOpeQ=="),
        ("'aMOpeQ==' | base64(decode=true)", "héy"),
        ("'a' | hash('md5')", "0cc175b9c0f1b6a831c399e269772661"),
        ("'a b/ü' | urlencode", "a%20b%2F%C3%BC"),
        ("{'q': 'a b', 'n': 1} | urlencode", "q=a%20b&n=1"),
    ],
)
def test_filters(code: str, value: Any) -> None:
    result = evaluate("{{ " + code + " }}", DATA)
    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("no expression", "no expression"),
        ("a {{ ticket.n }} b {{ ticket.price }}", "a 3 b 2.5"),
        (" {{ ticket.n }}", " 3"),
        ("{{ ticket.n }}{{ ticket.n }}", "33"),
        ("x{{ skipped.a }}y", "xy"),
        ("{% if x %}{# c #}{{ 1 }}", "{% if x %}{# c #}1"),
        ("{{ '{{' }} stays }}", "{{ stays }}"),
        ("{ {a} }", "{ {a} }"),
    ],
)
def test_text_around_expressions_stays(text: str, made: str) -> None:
    assert evaluate(text, DATA) == made


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{% for t in ticket.tags %}{{ loop.index }}{{ t }}{% endfor %}", "1b2a3b"),
        ("{% for k, v in {'a': 1} | items %}{{ k }}={{ v }}{% endfor %}", "a=1"),
        ("{% for t in skipped %}x{% else %}none{% endfor %}", "none"),
        (
            "{% for i in ticket.items if i.a %}{{ i.a }}{{ loop.last }} {% endfor %}",
            "1false 2true ",
        ),
        ("{% if ticket.n > 5 %}a{% elif ticket.flag %}b{% else %}c{% endif %}", "b"),
        (
            "{% for a in [1, 2] %}{% for b in [3] %}{{ a }}{{ b }} {% endfor %}{% endfor %}",
            "13 23 ",
        ),
        ("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc\n"),
        ("{# comment #}x{% raw %}{{ y }}{% endraw %}", "x{{ y }}"),
        ("{% for ticket in [1] %}{{ ticket }}{% endfor %}{{ ticket.n }}", "13"),
    ],
)
def test_template_mode(template: str, made: str) -> None:
    assert render(template, DATA) == made


@pytest.mark.parametrize(
    ("code", "kind", "hint"),
    [
        ("tiket.n", "expression_unknown_name", "Did you mean 'ticket'?"),
        ("ticket.subjct", "expression_unknown_name", "Did you mean 'subject'?"),
        ("ticket.tags[9]", "expression_unknown_name", "the list has 3"),
        ("ticket.items.a", "expression_type", "map filter"),
        ("ticket.subject.x", "expression_type", "slice filter"),
        ("ticket.n.x", "expression_type", "a number"),
        ("1 + 'a'", "expression_type", "Use ~ to join text."),
        ("true + 1", "expression_type", "a boolean and a number"),
        ("'a' * 3", "expression_type", "'*'"),
        ("1 < 'a'", "expression_type", "have no order"),
        ("1 / 0", "expression_type", "divided by zero"),
        ("'x' | int", "expression_type", "int(0)"),
        ("'x' | sum", "expression_type", "needs a list"),
        ("ticket | sum", "expression_type", "The values filter"),
        ("[1, 'a'] | sort", "expression_type", "all numbers or all texts"),
        ("'x' | bool", "expression_type", "neither true nor false"),
        ("'{' | parse_json", "expression_type", "line 1"),
        ("'soon' | date", "expression_type", "ISO 8601"),
        ("0 | date('%Q')", "expression_type", "%Q"),
        ("ticket | uper", "expression_syntax", "Did you mean 'upper'?"),
        ("ticket | upper(1)", "expression_syntax", "arguments"),
        ("f()", "expression_syntax", "Nothing can be called"),
        ("a is defined", "expression_syntax", "default filter"),
        ("2 ** 3", "expression_syntax", "multiply"),
        ("a[1:2]", "expression_syntax", "slice filter"),
        ("1 +", "expression_syntax", "expected"),
        ("", "expression_syntax", "nothing between"),
        ("a b", "expression_syntax", "'b'"),
        ("9" + "0" * 100, "expression_budget", "256 bits"),
    ],
)
def test_an_error_has_a_code_and_says_what_to_do(code: str, kind: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate("text {{ " + code + " }}", DATA)
    assert caught.value.code == kind
    assert hint in caught.value.message
    assert not caught.value.retryable


def test_an_error_shows_the_expression_it_happened_in() -> None:
    with pytest.raises(ExpressionError, match=r"In \{\{ ticket.x \}\} "):
        evaluate("{{ ticket.n }} and {{ ticket.x }}", DATA)


def test_s2_values_from_data_are_never_evaluated_again() -> None:
    data = {"a": {"text": "{{ 1+1 }}", "list": ["{{ 2 }}"]}}
    config = {"{{ key }}": ["{{ a.text }}", "<{{ a.text }}>", "{{ a }}"], "n": 1}
    assert resolve(config, data) == {
        "{{ key }}": ["{{ 1+1 }}", "<{{ 1+1 }}>", data["a"]],
        "n": 1,
    }
    assert (
        render("{{ a.text }}{% for x in a.list %}{{ x }}{% endfor %}", data) == "{{ 1+1 }}{{ 2 }}"
    )


def test_null_and_structures_in_text() -> None:
    values = [None, True, 1, 1.5, "x", [1], {"a": None}]
    assert [text_of(v) for v in values] == ["", "true", "1", "1.5", "x", "[1]", '{"a": null}']
