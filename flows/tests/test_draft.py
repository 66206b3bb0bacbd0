"""Drafts as rows: no change of a document is lost on its way into the database or out of it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.permissions import Actor
from flows import queries, services
from flows.engine.document import dump, dump_json, dump_yaml, parse
from flows.engine.errors import DocumentInvalid
from flows.models import Flow
from flows.tests.fixtures import GREETING


def with_value(value: Any) -> dict[str, Any]:
    """A document whose last node holds this value, deep in its config and beside it."""
    start, result = GREETING["nodes"]
    config = {"value": {"deep": [value, {"flag": value}]}}
    return {**GREETING, "nodes": [start, {**result, "config": config}]}


def draft_text(flow: Flow) -> str:
    return dump_json(queries.draft_document(flow))


@pytest.mark.parametrize(
    ("old", "new"),
    [(1, True), (True, 1), (0, False), (False, 0), (1, "1"), (None, False), ([], {}), (1, 1.5)],
)
def test_a_change_to_a_value_that_python_takes_for_equal_is_kept(
    actor: Actor, old: Any, new: Any
) -> None:
    flow = services.create_flow(actor, document=with_value(old))
    changed = services.replace_draft(actor, flow, with_value(new))
    assert draft_text(changed) == dump_json(parse(with_value(new)))
    assert changed.revision == 2


def test_restoring_brings_back_values_that_python_takes_for_equal(actor: Actor) -> None:
    flow = services.create_flow(actor, document=with_value(1))
    services.publish_flow(actor, flow)
    for other in ("between", True):
        services.replace_draft(actor, flow, with_value(other))
    restored = services.restore_version(actor, flow, 1)
    assert draft_text(restored) == dump_json(parse(with_value(1)))


def test_the_diff_shows_values_that_python_takes_for_equal(actor: Actor) -> None:
    flow = services.create_flow(actor, document=with_value(1))
    services.publish_flow(actor, flow)
    services.replace_draft(actor, flow, with_value(True))
    (changed,) = queries.version_diff(flow, 1, "draft").changed
    assert changed.paths == ["config.value.deep[0]", "config.value.deep[1].flag"]


def test_an_equal_document_with_times_and_places_changes_nothing(actor: Actor) -> None:
    start, result = GREETING["nodes"]
    timed = {**result, "timeout_seconds": 60, "retry": {"initial_seconds": 2, "backoff": 1.5}}
    given = {
        **GREETING,
        "settings": {"timeout_seconds": 90.5},
        "nodes": [start, timed],
        "layout": {"start": {"x": 0, "y": -12.5}},
    }
    flow = services.create_flow(actor, document=given)
    assert services.replace_draft(actor, flow, given).revision == 1
    assert services.replace_draft(actor, flow, draft_text(flow)).revision == 1


NUMBERS = (
    st.integers(1 - 10**77, 10**77 - 1)
    | st.floats(-9.9e76, 9.9e76)
    | st.floats(-1.0, 1.0)
    | st.sampled_from([1.0, -0.0, 1e16, 1e20, 1e23, 2.0**53 + 2, 9.999999999999999e76, 5e-324])
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(number=NUMBERS)
def test_any_number_comes_back_from_the_rows_as_the_same_text(actor: Actor, number: Any) -> None:
    given_text = dump_json(parse(with_value(number)))
    flow = services.create_flow(actor, document=with_value(number))
    assert draft_text(flow) == given_text
    for again in (given_text, dump_yaml(queries.draft_document(flow))):
        assert services.replace_draft(actor, flow, again).revision == 1
    version = services.publish_flow(actor, flow)
    version.refresh_from_db()
    assert dump_json(parse(version.document)) == given_text
    assert draft_text(services.restore_version(actor, flow, version.number)) == given_text


def test_a_whole_number_is_an_integer_however_it_is_written(actor: Actor) -> None:
    flow = services.create_flow(actor, document=with_value(1.0))
    assert dump(queries.draft_document(flow))["nodes"][1]["config"] == {
        "value": {"deep": [1, {"flag": 1}]}
    }
    assert services.replace_draft(actor, flow, with_value(1)).revision == 1
    assert '"flag": 100000000000000000000000' in dump_json(parse(with_value(1e23)))


@pytest.mark.parametrize("number", [1e77, -1e80, 1.7e308, 10**77, -(2**300)])
def test_a_number_that_is_too_large_is_refused_where_it_stands(actor: Actor, number: Any) -> None:
    with pytest.raises(DocumentInvalid) as caught:
        services.create_flow(actor, document=with_value(number))
    (problem,) = caught.value.problems
    assert (problem.node, problem.path) == ("result", "config.value.deep[0]")
    assert "77 digits" in problem.message
    assert not Flow.objects.exists()
