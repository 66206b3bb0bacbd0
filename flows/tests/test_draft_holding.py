"""A draft that is being changed or read is not in the way of the flow's runs."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext

from accounts.permissions import Actor
from flows import changes, services
from flows.engine.document import Document
from flows.models import Flow
from flows.tests.fixtures import GREETING
from flows.tests.test_draft_changes import change, send

#: What PostgreSQL does for the foreign key when a run is inserted, refused instead of waited for.
KEY_SHARE = "SELECT 1 FROM flows_flow WHERE id = %s FOR KEY SHARE NOWAIT"
LABEL = {"op": "set", "node": "result", "path": ["label"], "value": "Result"}


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return services.create_flow(actor, document=GREETING)


@pytest.fixture
def other() -> Iterator[BaseDatabaseWrapper]:
    second = connection.copy()
    yield second
    second.close()


def can_start(other: BaseDatabaseWrapper, flow: Flow) -> bool:
    with other.cursor() as cursor:
        try:
            cursor.execute(KEY_SHARE, [flow.pk])
        except OperationalError:
            return False
    return True


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "work",
    [
        lambda actor, flow: send(actor, flow, change(LABEL)),
        lambda actor, flow: services.replace_draft(actor, flow, {**GREETING, "name": "Other"}),
        lambda actor, flow: services.update_flow(actor, flow, name="Other"),
        lambda actor, flow: services.publish_flow(actor, flow),
        changes.draft_state,
    ],
)
def test_runs_start_while_a_draft_is_held(
    actor: Actor, flow: Flow, other: BaseDatabaseWrapper, work: Callable[[Actor, Flow], Any]
) -> None:
    with transaction.atomic():
        work(actor, flow)
        assert can_start(other, flow)


@pytest.mark.django_db(transaction=True)
def test_no_run_starts_of_a_flow_that_is_being_deleted(
    actor: Actor, flow: Flow, other: BaseDatabaseWrapper
) -> None:
    with transaction.atomic():
        services.held_flow(actor, flow, to_delete=True)
        assert not can_start(other, flow)


def test_reading_a_draft_or_what_is_new_of_it_holds_nothing(actor: Actor, flow: Flow) -> None:
    send(actor, flow, change(LABEL))
    with CaptureQueriesContext(connection) as asked:
        state = changes.draft_state(actor, flow)
        outcome = changes.change_draft(actor, flow, tab=uuid4(), base=1, changes=[])
    assert not any("FOR " in query["sql"] for query in asked)
    assert (state["revision"], outcome.revision) == (2, 2)
    assert [applied["ops"] for applied in outcome.applied] == [[LABEL]]


@pytest.mark.parametrize(("writes", "held"), [(1, False), (3, True)])
def test_a_draft_that_changes_while_it_is_read_is_read_again_and_held_in_the_end(
    actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch, writes: int, held: bool
) -> None:
    read, reads, holding = changes.read_draft, [], []

    def read_and_change(found: Flow) -> Document:
        document = read(found)
        reads.append(found.revision)
        if len(reads) <= writes:
            services.update_flow(actor, flow, name=f"Name {len(reads)}")
        return document

    def hold(*args: Any) -> Flow:
        holding.append(args)
        return services.held_flow(*args)

    monkeypatch.setattr(changes, "read_draft", read_and_change)
    monkeypatch.setattr(changes, "held_flow", hold)
    state = changes.draft_state(actor, flow)
    assert reads == list(range(1, writes + 2))
    assert (state["revision"], state["document"]["name"]) == (writes + 1, f"Name {writes}")
    assert bool(holding) is held
