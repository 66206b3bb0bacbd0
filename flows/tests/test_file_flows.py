"""The flow that keeps the runs of a file: never one that somebody else made or edited."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts.models import Workspace
from accounts.permissions import Actor, system_actor
from flows import queries, services
from flows.engine.document import Document, admit
from flows.models import FileFlow, Flow
from flows.services import keep_for_file
from flows.tests.fixtures import GREETING


def greeting(**changes: Any) -> Document:
    return admit({**GREETING, **changes})


def test_a_file_that_is_run_again_has_the_same_flow_and_its_draft_follows(actor: Actor) -> None:
    first = keep_for_file(actor, greeting())
    again = keep_for_file(actor, greeting(description="Changed"))
    once_more = keep_for_file(actor, greeting(description="Changed"))
    assert first.pk == again.pk == once_more.pk
    assert (first.slug, once_more.revision) == ("file-greeting", 2)
    assert queries.draft_document(once_more).description == "Changed"


def test_a_flow_that_a_person_made_is_never_taken_for_the_files(actor: Actor) -> None:
    theirs = services.create_flow(actor, document=GREETING, slug="file-greeting")
    kept = keep_for_file(actor, greeting(description="From a file"))
    assert kept.pk != theirs.pk
    assert queries.draft_document(theirs).description == ""
    assert keep_for_file(actor, greeting()).pk == kept.pk


@pytest.mark.parametrize(
    "edit",
    [
        lambda actor, flow: services.update_flow(actor, flow, name="Mine now"),
        lambda actor, flow: services.replace_draft(actor, flow, greeting(description="Mine now")),
    ],
    ids=["renamed", "edited"],
)
def test_a_flow_that_somebody_edited_is_theirs_from_then_on(
    actor: Actor, edit: Callable[[Actor, Flow], Flow]
) -> None:
    theirs = edit(actor, keep_for_file(actor, greeting()))
    before = queries.draft_document(theirs)
    kept = keep_for_file(actor, greeting(description="From a file"))
    assert (kept.pk != theirs.pk, kept.slug) == (True, "file-greeting-2")
    assert queries.draft_document(theirs) == before
    assert keep_for_file(actor, greeting()).pk == kept.pk


def test_after_its_flow_was_deleted_a_file_gets_a_new_one(actor: Actor) -> None:
    services.delete_flow(actor, keep_for_file(actor, greeting()))
    assert keep_for_file(actor, greeting()).slug == "file-greeting"


def test_another_workspace_keeps_its_own(actor: Actor) -> None:
    elsewhere = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    kept = keep_for_file(system_actor(elsewhere.id), greeting())
    assert keep_for_file(actor, greeting()).pk != kept.pk


@pytest.mark.django_db(transaction=True)
def test_two_at_once_keep_one_flow() -> None:
    workspace = Workspace.objects.create(name="Together", slug="together")
    together = Barrier(4)

    def keep(number: int) -> Flow:
        try:
            together.wait()
            return keep_for_file(system_actor(workspace.id), greeting(description=str(number)))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(keep, range(4)))
    assert len({flow.pk for flow in kept}) == 1
    assert FileFlow.objects.get().revision == Flow.objects.get().revision
