"""A node's new name in what reads it: references change, every other character stays."""

from typing import Any

import pytest

from flows.engine.expressions import mentions_in
from flows.engine.registry import registry
from flows.engine.rename import (
    NameHidden,
    reference_changes,
    rename_in_template,
    rename_in_text,
)

JSON = Any

TEXTS = [
    ("{{ a.b }}", "{{ new.b }}"),
    ("{{a}}", "{{new}}"),
    ("{{ a['b'] }} and {{ a [0] }}", "{{ new['b'] }} and {{ new [0] }}"),
    ("a {{ b.a }} a.b", "a {{ b.a }} a.b"),
    ("{{ b['a'] }} {{ b . a }}", "{{ b['a'] }} {{ b . a }}"),
    ("{{ ab.c ~ a_b ~ a.a.a }}", "{{ ab.c ~ a_b ~ new.a.a }}"),
    ("{{ 'a.b' ~ \"{{ a }}\" ~ a }}", "{{ 'a.b' ~ \"{{ a }}\" ~ new }}"),
    ("{{ x | default(a.b) | join(a) }}", "{{ x | default(new.b) | join(new) }}"),
    ("{{ [a, {a: a.a, 'a': 1}][a] }}", "{{ [new, {new: new.a, 'a': 1}][new] }}"),
    ("{{ a if not a else a == -a }}", "{{ new if not new else new == -new }}"),
    ("{{ x[a.b].a[a] }}", "{{ x[new.b].a[new] }}"),
    ("{{\r\n  a.b\t}}\r\n{{ a\n}}", "{{\r\n  new.b\t}}\r\n{{ new\n}}"),
    ("a\rb {{ a.text }}\r\r\n\n\r{{\ra\r\n}}\r", "a\rb {{ new.text }}\r\r\n\n\r{{\rnew\r\n}}\r"),
    ("{{ 1.5 + a }} {{ x.0.a }}", "{{ 1.5 + new }} {{ x.0.a }}"),
    ("{% for a in a %}{{ a }}{% endfor %}", "{% for a in a %}{{ new }}{% endfor %}"),
    ("{{ a. }} {{ a }}", "{{ a. }} {{ a }}"),
    ("{{ a", "{{ a"),
    ("ä🙂 {{ 'ä🙂' ~ a }}", "ä🙂 {{ 'ä🙂' ~ new }}"),
]


@pytest.mark.parametrize(("before", "after"), TEXTS)
def test_references_in_a_text_get_the_new_name(before: str, after: str) -> None:
    assert rename_in_text(before, "a", "new") == after


TEMPLATES = [
    (
        "{% for x in a.items if x.a %}{{ x.a }} {{ a.b }}{% endfor %} a",
        "{% for x in new.items if x.a %}{{ x.a }} {{ new.b }}{% endfor %} a",
    ),
    (
        "{% for a in a.items if a %}{{ a.b }}{% else %}{{ a }}{% endfor %}{{ a }}",
        "{% for a in new.items if a %}{{ a.b }}{% else %}{{ new }}{% endfor %}{{ new }}",
    ),
    (
        "{% for k, a in x %}{% if a %}{{ a }}{% else %}{{ a }}{% endif %}{% endfor %}",
        "{% for k, a in x %}{% if a %}{{ a }}{% else %}{{ a }}{% endif %}{% endfor %}",
    ),
    (
        "{% for x in (a if b else a) if a %}{% for a in x %}{{ a }}{% endfor %}{{ a }}{% endfor %}",
        "{% for x in (new if b else new) if new %}"
        "{% for a in x %}{{ a }}{% endfor %}{{ new }}{% endfor %}",
    ),
    (
        "{% if a %}{{ a }}{% elif not a %}{{ b.a }}{% else %}{{ a }}{% endif %}",
        "{% if new %}{{ new }}{% elif not new %}{{ b.a }}{% else %}{{ new }}{% endif %}",
    ),
    (
        "  {%- if a -%}  \r\n {# a {{ a }} #} {% raw %}{{ a }}{% endraw %}\r\n  {% endif %}\r\n"
        "{{ a }}",
        "  {%- if new -%}  \r\n {# a {{ a }} #} {% raw %}{{ a }}{% endraw %}\r\n  {% endif %}\r\n"
        "{{ new }}",
    ),
    (
        "a\n   {% if x %}\n a {{ a }}\n   {% endif %}\n a",
        "a\n   {% if x %}\n a {{ new }}\n   {% endif %}\n a",
    ),
    (
        "a\r{%- if a -%}\r\r\n\n\r{{ 'a\r' ~ a }}\r{% endif %}\r\n\r",
        "a\r{%- if new -%}\r\r\n\n\r{{ 'a\r' ~ new }}\r{% endif %}\r\n\r",
    ),
    ("{% if a %}", "{% if a %}"),
]


@pytest.mark.parametrize(("before", "after"), TEMPLATES)
def test_templates_hide_the_names_that_loops_give(before: str, after: str) -> None:
    assert rename_in_template(before, "a", "new") == after


@pytest.mark.parametrize("text", [before for before, _ in TEMPLATES[:-1]])
def test_after_a_renaming_the_same_is_mentioned_under_the_new_name(text: str) -> None:
    old = [m.root for m in mentions_in(text, template=True)]
    new = [m.root for m in mentions_in(rename_in_template(text, "a", "new"), template=True)]
    assert new == ["new" if root == "a" else root for root in old]
    assert rename_in_template(rename_in_template(text, "a", "new"), "new", "a") == text


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("{% for x in y %}{{ a }}{% endfor %}", "x"),
        ("{% for x in y if a %}{% endfor %}", "x"),
        ("{% for x in y %}{{ a }}{% endfor %}", "loop"),
    ],
)
def test_a_name_that_a_loop_takes_there_is_refused(text: str, new: str) -> None:
    with pytest.raises(NameHidden):
        rename_in_template(text, "a", new)


def nodes(*entries: dict[str, JSON]) -> dict[str, dict[str, JSON]]:
    return {entry["id"]: entry for entry in entries}


LISTED = {"y": ["{{a}}", 1]}


def test_every_field_is_rewritten_as_it_is_evaluated() -> None:
    flow = nodes(
        {"id": "t", "type": "template", "config": {"template": "{% if a %}{{ a.b }}{% endif %}"}},
        {
            "id": "l",
            "type": "llm",
            "config": {"prompt": "{% if a %} {{ a.b }}", "x": {"y": ["{{a}}", 1]}},
        },
        {"id": "n", "type": "note", "config": {"text": "{{ a.b }}"}},
        {"id": "r", "type": "http", "retry": {"if": "{{ a.ok and error.code }}"}},
        {"id": "s", "type": "mystery", "config": {"{{ a }}": "{{ a }}"}},
    )
    changes = {
        (op["node"], ".".join(op["path"])): op["value"]
        for op in reference_changes(flow, "a", "new", registry())
    }
    assert changes[("t", "config.template")] == "{% if new %}{{ new.b }}{% endif %}"
    assert changes[("l", "config.prompt")] == "{% if a %} {{ new.b }}"
    assert changes[("l", "config.x.y")] == ["{{new}}", 1]
    assert changes[("r", "retry.if")] == "{{ new.ok and error.code }}"
    assert changes[("s", "config.{{ a }}")] == "{{ new }}"


def test_what_only_looks_like_the_node_stays() -> None:
    flow = nodes(
        {"id": "n", "type": "note", "config": {"text": "{{ a.b }}"}},
        {"id": "r", "type": "http", "retry": {"if": "{{ error.code }}"}},
        {"id": "m", "type": "transform", "config": {"fields": {"x": "{{ item.a }}"}}},
    )
    assert reference_changes(flow, "a", "new", registry()) == []
    assert reference_changes(flow, "error", "new", registry()) == []
    assert reference_changes(flow, "item", "new", registry()) == []


def test_a_name_that_means_the_failure_in_a_retry_is_refused_with_its_place() -> None:
    flow = nodes({"id": "r", "type": "http", "retry": {"if": "{{ a.ok }}"}})
    with pytest.raises(NameHidden) as caught:
        reference_changes(flow, "a", "error", registry())
    assert (caught.value.node, caught.value.path) == ("r", "retry.if")
