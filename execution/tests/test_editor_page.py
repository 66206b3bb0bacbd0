"""What the editor's page holds for its script: node types, cards to copy, where to ask."""

import json
import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Membership, User, Workspace
from accounts.permissions import Actor
from execution.tests.flows_for_tests import new_actor
from flows.engine.registry import registry
from flows.models import Flow
from flows.services import create_flow
from flows.views.palette import PLACEHOLDER, palette


def _page(visitor: Client, flow: Flow) -> str:
    return visitor.get(f"/flows/{flow.id}/edit/").content.decode()


def _block(content: str, name: str) -> Any:
    """What stands in a JSON block of the page."""
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', content)
    assert found is not None
    return json.loads(found.group(1))


def test_every_node_type_is_on_the_palette_once_under_its_category() -> None:
    entries = {entry.type: group.category for group in palette() for entry in group.entries}
    assert entries == {kind.type: kind.category for kind in registry().all()}
    assert sum(len(group.entries) for group in palette()) == len(entries)


def test_the_page_has_a_card_to_copy_and_the_facts_of_every_type(
    visitor: Client, flow: Flow
) -> None:
    content = _page(visitor, flow)
    facts = {fact["type"]: fact for fact in _block(content, "node-types")}
    assert set(facts) == set(registry().names())
    for name in facts:
        assert content.count(f'<template data-card-of="{name}">') == 1
    assert content.count(f'data-node="{PLACEHOLDER}"') == len(facts)
    assert [port["name"] for port in facts["if"]["ports"]] == ["true", "false"]
    assert facts["switch"]["portsFollowConfig"]
    assert facts["map"]["holds"]
    assert facts["llm"]["streams"]
    assert facts["map"]["defaults"]["concurrency"] == 10
    assert facts["output"]["ports"] == []
    assert facts["input"]["once"]
    assert not facts["input"]["takesInput"]
    assert not facts["note"]["runs"]


def test_a_new_flow_is_offered_examples_and_one_with_steps_is_not(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    content = _page(visitor, create_flow(actor, name="Fresh"))
    documents = _block(content, "example-documents")
    assert content.count("data-template=") == len(documents) > 4
    assert all(document["nodes"] for document in documents.values())
    assert _block(_page(visitor, flow), "example-documents") == {}


def test_a_reader_gets_the_page_without_what_changes_a_flow(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace]
) -> None:
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    content = _page(visitor, flow)
    assert "data-read-only" in content
    assert "Read only" in content
    assert 'data-command="publish"' not in content
    assert "data-template=" not in content


def test_the_fields_of_a_run_are_those_of_the_draft(visitor: Client, flow: Flow) -> None:
    content = visitor.get(f"/flows/{flow.id}/inputs/").content.decode()
    assert 'data-fields="1"' in content
    assert 'name="input-topic"' in content


def test_flows_are_found_by_name_and_never_those_of_others(
    visitor: Client, actor: Actor, stranger: Actor
) -> None:
    mine = create_flow(actor, name="Weekly digest")
    create_flow(stranger, name="Their digest")
    found = visitor.get("/flows/find/?q=digest").json()["flows"]
    assert found == [
        {"id": str(mine.id), "name": "Weekly digest", "url": f"/flows/{mine.id}/edit/"}
    ]
    assert visitor.get("/flows/find/?q=%00").status_code == 200


@pytest.fixture
def stranger() -> Actor:
    return new_actor()


def test_another_workspaces_flow_has_no_editor_and_no_fields(
    visitor: Client, stranger: Actor
) -> None:
    theirs = create_flow(stranger, name="Theirs")
    for path in ("edit", "inputs", "cards"):
        assert visitor.get(f"/flows/{theirs.id}/{path}/").status_code == 404


def test_publishing_answers_in_json_to_who_asks_for_it(visitor: Client, actor: Actor) -> None:
    flow = create_flow(actor, name="Fresh")
    headers = {"Accept": "application/json"}
    path = f"/flows/{flow.id}/publish/"
    assert visitor.post(path, {"note": "First"}, headers=headers).json() == {"version": 1}
    flow.refresh_from_db()
    assert flow.published is not None
    assert flow.published.note == "First"
    flow.nodes.filter(type="input").update(config={"fields": "none"})
    refused = visitor.post(path, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["message"].startswith("Not published: ")


def test_the_editor_takes_few_queries_whatever_the_size_of_the_flow(
    visitor: Client, flow: Flow, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(12):
        _page(visitor, flow)
