"""The pages of versions: the list, one of them, and two compared."""

import time
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, User, Workspace
from accounts.permissions import ROLE_ACTIONS, Actor
from flows import differences, history
from flows.differences import VersionDiff, documents_diff, structure_diff
from flows.engine.document import parse
from flows.history import changed_values, said, side_by_side
from flows.models import Flow
from flows.services import create_flow, publish_flow, replace_draft
from flows.tests.fixtures import GREETING
from flows.views.diff_picture import DRAWN_NODES, diff_picture


def _changed() -> dict[str, Any]:
    """The greeting with a step between its two, another output, and other words about it."""
    step = {"id": "loud", "type": "transform", "config": {"fields": {"text": "{{ start.name }}"}}}
    result = {"id": "result", "type": "output", "config": {"value": "Hi {{ loud.text }}"}}
    return {
        **GREETING,
        "description": "Greets",
        "nodes": [GREETING["nodes"][0], step, result],
        "edges": [{"from": "start", "to": "loud"}, {"from": "loud", "to": "result"}],
    }


@pytest.fixture
def flow(actor: Actor) -> Flow:
    """Two versions, and a draft that lacks the step of the second."""
    made = create_flow(actor, document=GREETING)
    publish_flow(actor, made, note="First")
    replace_draft(actor, made, _changed())
    publish_flow(actor, made, note="Louder")
    replace_draft(actor, made, GREETING)
    made.refresh_from_db()
    return made


def test_the_list_says_of_each_version_who_when_why_and_what(visitor: Client, flow: Flow) -> None:
    content = visitor.get(f"/flows/{flow.pk}/versions/").content.decode()
    assert "First version: 2 steps" in content
    assert "1 step added, 1 changed; 2 wires added, 1 removed; description changed" in content
    assert "Louder" in content
    assert "ada@example.com" in content
    assert "1 step removed, 1 changed; 1 wire added, 2 removed; description changed since v2" in (
        " ".join(content.split())
    )


def test_the_list_compares_the_draft_without_writing_either_as_text(
    visitor: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def text_diff(*args: Any) -> str:
        compared.append("text")
        return ""

    monkeypatch.setattr(differences, "_text_diff", text_diff)
    assert "since v2" in visitor.get(f"/flows/{flow.pk}/versions/").content.decode()
    assert compared == []
    visitor.get(f"/flows/{flow.pk}/versions/compare/?from=1&to=2")
    assert compared == ["text"]


def test_the_list_of_many_versions_takes_few_queries(
    visitor: Client, flow: Flow, actor: Actor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(25):
        replace_draft(actor, flow, {**GREETING, "description": str(number)})
        publish_flow(actor, flow)
    with django_assert_max_num_queries(20):
        content = visitor.get(f"/flows/{flow.pk}/versions/").content.decode()
    assert "Page 1 of 2" in content
    assert "First version" in visitor.get(f"/flows/{flow.pk}/versions/?page=2").content.decode()


def test_what_is_too_much_to_compare_is_left_to_be_asked_for(
    visitor: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "COMPARED_BYTES", 1)
    content = visitor.get(f"/flows/{flow.pk}/versions/").content.decode()
    assert content.count("Compare it to see what changed.") == 2


def test_a_version_is_shown_to_be_read_only_with_a_question_before_it_is_restored(
    visitor: Client, flow: Flow
) -> None:
    content = visitor.get(f"/flows/{flow.pk}/versions/2/").content.decode()
    assert "Hi {{ loud.text }}" in content
    assert "Make version 2 the draft again?" in content
    assert visitor.get(f"/flows/{flow.pk}/versions/9/").status_code == 404
    visitor.post(f"/flows/{flow.pk}/versions/2/restore/")
    flow.refresh_from_db()
    assert flow.description == "Greets"


def test_two_versions_are_compared_by_picture_values_and_text(visitor: Client, flow: Flow) -> None:
    content = visitor.get(f"/flows/{flow.pk}/versions/compare/?from=1&to=2").content.decode()
    assert 'data-node="loud"' in content
    assert content.count('data-mark="added"') > 3
    assert "config.value" in content
    assert "Hello {{ start.name }}" in content
    assert "What changed from v1 to v2" in content
    back = visitor.get(f"/flows/{flow.pk}/versions/compare/?from=2&to=draft").content.decode()
    assert "What changed from v2 to draft" in back
    standard = visitor.get(f"/flows/{flow.pk}/versions/compare/").content.decode()
    assert "What changed from v2 to draft" in standard
    same = visitor.get(f"/flows/{flow.pk}/versions/compare/?from=1&to=draft").content.decode()
    assert "No difference" in same


@pytest.mark.parametrize("query", ["from=7&to=draft", "from=x&to=1", "from=1&to=99999999999"])
def test_a_version_that_is_not_there_cannot_be_compared(
    visitor: Client, flow: Flow, query: str
) -> None:
    assert visitor.get(f"/flows/{flow.pk}/versions/compare/?{query}").status_code == 404


def test_a_viewer_sees_versions_and_restores_none(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace]
) -> None:
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    assert "Restore" not in visitor.get(f"/flows/{flow.pk}/versions/").content.decode()
    content = visitor.get(f"/flows/{flow.pk}/versions/1/").content.decode()
    assert "the draft again?" not in content


def test_versions_of_another_workspace_are_not_found(
    visitor: Client, without_examples: None
) -> None:
    workspace = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    stranger = Actor(workspace.id, "stranger", ROLE_ACTIONS["owner"])
    theirs = create_flow(stranger, document=GREETING)
    publish_flow(stranger, theirs)
    for path in ("", "1/", "compare/"):
        assert visitor.get(f"/flows/{theirs.pk}/versions/{path}").status_code == 404


def test_the_picture_holds_both_documents_and_marks_what_differs() -> None:
    before, after = parse(GREETING), parse(_changed())
    forth = diff_picture(before, after, documents_diff(before, after, "a", "b"))
    back = diff_picture(after, before, documents_diff(after, before, "b", "a"))
    assert forth is not None
    assert back is not None
    marks: list[Any] = [forth.cards, back.cards]
    assert [{card.id: card.mark for card in cards} for cards in marks] == [
        {"start": "", "loud": "added", "result": "changed"},
        {"start": "", "loud": "removed", "result": "changed"},
    ]
    wires: list[Any] = list(forth.wires)
    assert {(wire.source, wire.target): wire.mark for wire in wires} == {
        ("start", "loud"): "added",
        ("loud", "result"): "added",
        ("start", "result"): "removed",
    }


def _large(word: str) -> dict[str, Any]:
    nodes = [
        {"id": f"n{number}", "type": "transform", "config": {"fields": {"a": f"{word} {number}"}}}
        for number in range(1_999)
    ]
    return {**GREETING, "nodes": [GREETING["nodes"][0], *nodes], "edges": []}


def test_the_largest_documents_are_compared_in_seconds_without_a_picture() -> None:
    before, after = parse(_large("was")), parse(_large("is"))
    started = time.monotonic()
    diff = documents_diff(before, after, "1", "2")
    values = changed_values(before, after)
    rows = side_by_side(diff.text)
    assert time.monotonic() - started < 20
    assert len(before.nodes) > DRAWN_NODES
    assert diff_picture(before, after, diff) is None
    assert len(values) == len(diff.changed) == 1_999
    assert len(rows) <= history.SHOWN_ROWS


def test_rows_stand_side_by_side_with_their_numbers() -> None:
    text = "--- 1\n+++ 2\n@@ -1,4 +1,4 @@\n a\n-b\n-c\n+B\n d\n@@ -9 +8,2 @@\n x\n+y"
    rows = [
        (row.kind, row.left_number, row.left, row.right_number, row.right)
        for row in side_by_side(text)
    ]
    assert rows == [
        ("gap", None, "", None, ""),
        ("same", 1, "a", 1, "a"),
        ("changed", 2, "b", 2, "B"),
        ("removed", 3, "c", None, ""),
        ("same", 4, "d", 3, "d"),
        ("gap", None, "", None, ""),
        ("same", 9, "x", 8, "x"),
        ("added", None, "", 9, "y"),
    ]


def test_one_line_says_what_changed() -> None:
    assert said(VersionDiff()) == "Nothing but places"
    old = {"name": "A", "nodes": [], "edges": [], "settings": {"concurrency": 1}}
    new = {"name": "B", "nodes": [], "edges": [], "settings": {"concurrency": 2}}
    assert said(structure_diff(old, new)) == "name, settings changed"
