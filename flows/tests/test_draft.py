"""Drafts as rows: no change of a document is lost on its way into the database or out of it."""

from typing import Any

import pytest

from accounts.permissions import Actor
from flows import queries, services
from flows.engine.document import dump_json, parse
from flows.tests.fixtures import GREETING


def with_value(value: Any) -> dict[str, Any]:
    """A document whose last node holds this value, deep in its config and beside it."""
    start, result = GREETING["nodes"]
    config = {"value": {"deep": [value, {"flag": value}]}}
    return {**GREETING, "nodes": [start, {**result, "config": config}]}


def draft_text(flow: Any) -> str:
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
