"""The list of flows narrowed and ordered: by folder, tag, state, and by what was run."""

import pytest
from django.test import Client

from accounts.permissions import Actor
from execution.flow_listing import Wanted, listed_flows
from execution.tests.pages_for_tests import htmx, make_run
from flows import organizing
from flows.models import Flow
from flows.services import create_flow, publish_flow, update_flow


@pytest.fixture
def shelf(actor: Actor) -> dict[str, Flow]:
    """Four flows: published, changed since, never published, and one whose last run failed."""
    flows = {name: create_flow(actor, name=name) for name in ("calm", "changed", "draft", "sad")}
    for name in ("calm", "changed", "sad"):
        publish_flow(actor, flows[name])
    update_flow(actor, flows["changed"], description="New words")
    make_run(flows["calm"], "failed")
    make_run(flows["calm"], "succeeded")
    make_run(flows["sad"], "failed")
    return flows


def _names(actor: Actor, **wanted: object) -> list[str]:
    return [flow.name for flow in listed_flows(actor, Wanted(**wanted))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("published", {"calm", "changed", "sad"}),
        ("changed", {"changed"}),
        ("draft", {"draft"}),
        ("never_run", {"changed", "draft"}),
        ("failed", {"sad"}),
        ("", {"calm", "changed", "draft", "sad"}),
    ],
)
def test_flows_are_found_by_their_state(
    actor: Actor, shelf: dict[str, Flow], state: str, names: set[str]
) -> None:
    assert set(_names(actor, state=state)) == names


def test_flows_are_ordered_by_change_name_or_last_run(actor: Actor, shelf: dict[str, Flow]) -> None:
    assert _names(actor, sort="name") == ["calm", "changed", "draft", "sad"]
    assert _names(actor, sort="run")[:2] == ["sad", "calm"]
    assert _names(actor)[0] == "changed"


def test_the_page_shows_a_folder_with_what_is_below_it(
    visitor: Client, actor: Actor, shelf: dict[str, Flow]
) -> None:
    top = organizing.create_folder(actor, name="Clients")
    low = organizing.create_folder(actor, name="Acme", parent=top)
    organizing.move_flows(actor, [shelf["calm"]], low)
    content = htmx(visitor, f"/?folder={top.pk}")
    assert ">calm</a>" in content
    assert ">sad</a>" not in content
    outside = htmx(visitor, "/?folder=none")
    assert ">calm</a>" not in outside
    assert ">sad</a>" in outside
    empty = organizing.create_folder(actor, name="Empty")
    assert "This folder is empty" in htmx(visitor, f"/?folder={empty.pk}")
    assert visitor.get("/?folder=x").status_code == 404


def test_the_page_is_narrowed_by_tag_state_and_words_together(
    visitor: Client, actor: Actor, shelf: dict[str, Flow]
) -> None:
    tag = organizing.create_tag(actor, name="live", colour="green")
    organizing.tag_flows(actor, [shelf["calm"], shelf["draft"]], add=[tag])
    content = htmx(visitor, f"/?tag={tag.pk}&state=published&q=ca&sort=name")
    assert ">calm</a>" in content
    assert ">draft</a>" not in content
    assert 'data-colour="green"' in content
    assert "No flow matches" in htmx(visitor, f"/?tag={tag.pk}&state=failed")
    assert ">sad</a>" in htmx(visitor, "/?tag=nonsense&state=nonsense&sort=nonsense")


def test_a_changed_draft_is_marked_on_its_card(visitor: Client, shelf: dict[str, Flow]) -> None:
    assert 'data-tone="warn"' in htmx(visitor, "/?q=changed")
    assert 'data-tone="warn"' not in htmx(visitor, "/?q=calm")
