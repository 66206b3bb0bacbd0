"""The merge node hands on the live branches."""

from flows.engine.node_type import PureInputs
from flows.engine.tests.support import call, node_type

TWO = PureInputs(incoming=(("a", {"text": "{{ 1+1 }}"}), ("b", {"text": "B"})))


def test_first_takes_the_first_live_branch() -> None:
    assert call("merge", {}, inputs=TWO).output == {"value": {"text": "{{ 1+1 }}"}}


def test_collect_takes_all_live_branches_in_order() -> None:
    result = call("merge", {"mode": "collect"}, inputs=TWO)
    assert result.output == {"items": [{"text": "{{ 1+1 }}"}, {"text": "B"}]}


def test_without_a_branch_there_is_nothing() -> None:
    assert call("merge", {}).output == {"value": None}
    assert call("merge", {"mode": "collect"}).output == {"items": []}


def test_what_may_be_read_is_what_the_mode_gives() -> None:
    node = node_type("merge")
    assert node.output_fields({}) == {"value": "any"}
    assert node.output_fields({"mode": "collect"}) == {"items": "list"}
    assert node.output_fields({"mode": "{{ vars.mode }}"}) == {"value": "any", "items": "list"}
