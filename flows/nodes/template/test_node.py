"""The template node renders blocks and leaves values alone."""

import pytest

from flows.engine.errors import NeedsLoad, NodeError
from flows.engine.tests.support import call


def test_blocks_and_expressions_are_rendered() -> None:
    template = "{% for i in a.items %}{{ loop.index }}={{ i }};{% endfor %}{% if a.x %}!{% endif %}"
    result = call("template", {"template": template}, {"a": {"items": ["p", "q"], "x": 1}})
    assert result.output == {"text": "1=p;2=q;!"}


def test_a_template_that_is_one_expression_gives_text() -> None:
    assert call("template", {"template": "{{ a }}"}, {"a": {"n": 1}}).output == {"text": '{"n": 1}'}
    assert call("template", {"template": "{{ a }}"}, {"a": None}).output == {"text": ""}


def test_braces_in_a_value_stay_text() -> None:
    result = call("template", {"template": "<{{ a }}>"}, {"a": "{{ 1+1 }}{% if %}"})
    assert result.output == {"text": "<{{ 1+1 }}{% if %}>"}


def test_an_unclosed_block_is_an_error_that_names_the_field() -> None:
    with pytest.raises(NodeError) as caught:
        call("template", {"template": "{% if a %}"}, {"a": 1})
    assert caught.value.code == "expression_syntax"
    assert caught.value.field == "template"


def test_a_large_value_is_loaded_once_and_only_where_it_can_be() -> None:
    reference = {"$blob": "a" * 64, "kind": "text", "size": 40_000, "preview": "x"}
    loads = []

    def load(asked: dict[str, object]) -> str:
        loads.append(asked)
        return "big"

    config = {"template": "{{ a }}{{ a }}"}
    with pytest.raises(NeedsLoad):
        call("template", config, {"a": reference})
    assert call("template", config, {"a": reference}, load=load).output == {"text": "bigbig"}
    assert loads == [reference]
