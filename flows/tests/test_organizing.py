"""Folders, tags and copies: what the services do, refuse and write down."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent, Workspace
from accounts.permissions import ROLE_ACTIONS, Actor, PermissionRefused
from flows import organizing
from flows.models import Flow, FlowVersion, Folder, Tag
from flows.organizing_queries import (
    callers_of,
    folder_named,
    folder_paths,
    folder_tree,
    searched,
    tags_of,
    with_folders_below,
    with_tags,
)
from flows.services import create_flow, publish_flow, update_flow
from flows.tests.fixtures import GREETING


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


@pytest.fixture
def elsewhere(db: None, without_examples: None) -> Actor:
    workspace = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    return Actor(workspace.id, "stranger", ROLE_ACTIONS["owner"])


def _chain(actor: Actor, *names: str) -> list[Folder]:
    made: list[Folder] = []
    for name in names:
        made.append(organizing.create_folder(actor, name=name, parent=made[-1] if made else None))
    return made


def test_folders_nest_five_deep_and_no_deeper(actor: Actor) -> None:
    chain = _chain(actor, "a", "b", "c", "d", "e")
    assert [row.path for row in folder_tree(actor)] == ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e"]
    with pytest.raises(organizing.LimitReached, match="5 levels"):
        organizing.create_folder(actor, name="f", parent=chain[-1])


def test_a_name_is_once_in_its_folder_whatever_its_case(actor: Actor) -> None:
    (top,) = _chain(actor, "Clients")
    organizing.create_folder(actor, name="clients", parent=top)
    with pytest.raises(organizing.NameRefused, match="already"):
        organizing.create_folder(actor, name="CLIENTS")
    other = organizing.create_folder(actor, name="Mine")
    with pytest.raises(organizing.NameRefused, match="already"):
        organizing.rename_folder(actor, other, name="clients")
    assert organizing.rename_folder(actor, other, name=" My  own ").name == "My own"


@pytest.mark.parametrize("name", ["", "  ", "a/b", "x" * 61, "a\x00b"])
def test_a_name_that_would_not_do_is_refused(actor: Actor, name: str) -> None:
    with pytest.raises(organizing.NameRefused):
        organizing.create_folder(actor, name=name)


def test_what_is_in_a_deleted_folder_goes_to_the_one_around_it(actor: Actor, flow: Flow) -> None:
    top, middle, _ = _chain(actor, "top", "middle", "low")
    organizing.move_flows(actor, [flow], middle)
    organizing.delete_folder(actor, middle)
    flow.refresh_from_db()
    assert flow.folder == top
    assert [row.path for row in folder_tree(actor)] == ["top", "top/low"]


def test_a_folder_whose_content_would_clash_is_kept(actor: Actor) -> None:
    top, _ = _chain(actor, "a", "b")
    organizing.create_folder(actor, name="b")
    with pytest.raises(organizing.NameRefused, match="Rename that one first"):
        organizing.delete_folder(actor, top)
    assert Folder.objects.filter(pk=top.pk).exists()


def test_moving_touches_neither_revision_nor_time_and_is_written_down(
    actor: Actor, flow: Flow
) -> None:
    (folder,) = _chain(actor, "Clients")
    assert organizing.move_flows(actor, [flow], folder) == 1
    assert organizing.move_flows(actor, [flow], folder) == 0
    moved = Flow.objects.get(pk=flow.pk)
    assert (moved.folder, moved.revision, moved.updated_at) == (folder, 1, flow.updated_at)
    event = AuditEvent.objects.get(action="flow.move")
    assert event.details == {"name": moved.name, "folder": "Clients"}
    assert organizing.move_flows(actor, [flow], None) == 1


def test_the_tree_counts_what_is_in_a_folder_and_below_it(actor: Actor, flow: Flow) -> None:
    top, low = _chain(actor, "top", "low")
    other = create_flow(actor, name="Other")
    organizing.move_flows(actor, [flow], low)
    organizing.move_flows(actor, [other], top)
    tree = folder_tree(actor)
    assert [(row.name, row.depth, row.flows) for row in tree] == [("top", 1, 2), ("low", 2, 1)]
    assert set(with_folders_below(tree, top.pk)) == {top.pk, low.pk}
    assert folder_paths(actor.workspace_id)[low.pk] == "top/low"
    assert folder_named(actor, "TOP/low") == low
    assert folder_named(actor, "low") is None


def test_tags_are_put_on_and_taken_off(actor: Actor, flow: Flow) -> None:
    red, blue = (organizing.create_tag(actor, name=n, colour="blue") for n in ("red", "blue"))
    assert organizing.tag_flows(actor, [flow], add=[red, blue]) == 1
    assert organizing.tag_flows(actor, [flow], add=[red]) == 0
    organizing.tag_flows(actor, [flow], remove=[red])
    assert list(flow.tags.all()) == [blue]
    assert [(tag.name, vars(tag)["uses"]) for tag in tags_of(actor)] == [("blue", 1), ("red", 0)]
    organizing.set_tags(actor, flow, [red])
    assert list(flow.tags.all()) == [red]
    organizing.delete_tag(actor, red)
    assert not flow.tags.exists()


def test_a_tag_is_renamed_and_coloured_but_never_twice_the_same(actor: Actor) -> None:
    tag = organizing.create_tag(actor, name="Draft")
    organizing.create_tag(actor, name="Live")
    changed = organizing.change_tag(actor, tag, name="Idea", colour="amber")
    assert (changed.name, changed.colour) == ("Idea", "amber")
    for wrong in ({"name": "live"}, {"colour": "puce"}, {"name": "a,b"}):
        with pytest.raises(organizing.NameRefused):
            organizing.change_tag(actor, tag, **wrong)
    assert Tag.objects.get(pk=tag.pk).name == "Idea"


def test_limits_are_kept(actor: Actor, flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organizing, "MAX_TAGS_OF_A_FLOW", 1)
    tags = [organizing.create_tag(actor, name=str(n)) for n in range(2)]
    with pytest.raises(organizing.LimitReached):
        organizing.tag_flows(actor, [flow], add=tags)
    assert not flow.tags.exists()
    monkeypatch.setattr(organizing, "MAX_TAGS", 2)
    with pytest.raises(organizing.LimitReached, match="2 tags"):
        organizing.create_tag(actor, name="more")
    monkeypatch.setattr(organizing, "MAX_FOLDERS", 0)
    with pytest.raises(organizing.LimitReached, match="0 folders"):
        organizing.create_folder(actor, name="more")


def test_the_limits_are_those_of_the_page_of_architecture() -> None:
    from fluxprompt.paths import ROOT

    said = (ROOT / "docs" / "architecture.md").read_text()
    limits = (
        organizing.MAX_FOLDERS,
        organizing.MAX_DEPTH,
        organizing.MAX_TAGS,
        organizing.MAX_TAGS_OF_A_FLOW,
    )
    row = "| folders and tags of a workspace | {} folders, {} levels deep; {} tags, {} on a flow"
    assert row.format(*limits) in said


def test_a_copy_has_draft_folder_and_tags_but_no_versions(actor: Actor, flow: Flow) -> None:
    (folder,) = _chain(actor, "Clients")
    organizing.move_flows(actor, [flow], folder)
    organizing.tag_flows(actor, [flow], add=[organizing.create_tag(actor, name="x")])
    flow.refresh_from_db()
    publish_flow(actor, flow)
    copy = organizing.duplicate_flow(actor, flow)
    assert (copy.name, copy.published, copy.folder_id) == ("Greeting (copy)", None, folder.pk)
    assert copy.nodes.count() == 2
    assert [tag.name for tag in copy.tags.all()] == ["x"]


def test_publishing_notes_the_revision_and_an_edit_leaves_it_behind(
    actor: Actor, flow: Flow
) -> None:
    publish_flow(actor, flow)
    flow.refresh_from_db()
    assert flow.published_revision == flow.revision == 1
    update_flow(actor, flow, description="New")
    update_flow(actor, flow, description="")
    flow.refresh_from_db()
    assert (flow.published_revision, flow.revision) == (1, 3)
    publish_flow(actor, flow)
    flow.refresh_from_db()
    assert (flow.published_revision, flow.versions.count()) == (3, 1)


def test_the_migration_knows_which_drafts_were_touched_after_they_were_published(
    actor: Actor, flow: Flow
) -> None:
    other = create_flow(actor, name="Edited since")
    for each in (flow, other):
        publish_flow(actor, each)
    FlowVersion.objects.filter(flow=other).update(created_at=timezone.now() - timedelta(hours=1))
    Flow.objects.update(published_revision=None)
    migration = import_module("flows.migrations.0004_folders_and_tags")
    with connection.cursor() as cursor:
        cursor.execute(migration._UNTOUCHED)
    assert Flow.objects.get(pk=flow.pk).published_revision == 1
    assert Flow.objects.get(pk=other.pk).published_revision is None


def test_search_looks_into_names_descriptions_and_tags(actor: Actor, flow: Flow) -> None:
    other = create_flow(actor, name="Weekly digest")
    tag = organizing.create_tag(actor, name="Finance")
    organizing.tag_flows(actor, [flow], add=[tag])
    mine = Flow.objects.visible_to(actor)
    assert list(searched(mine, "finan")) == [flow]
    assert list(searched(mine, "digest")) == [other]
    assert list(with_tags(mine, [tag.pk])) == [flow]


def test_flows_that_call_another_are_named(actor: Actor, flow: Flow) -> None:
    step = {"id": "call", "type": "subflow", "config": {"flow": flow.slug}}
    create_flow(actor, document={**GREETING, "name": "Caller", "nodes": [step], "edges": []})
    assert callers_of(actor, [flow]) == {flow.pk: ["Caller"]}


def test_nothing_of_another_workspace_is_touched(
    actor: Actor, flow: Flow, elsewhere: Actor
) -> None:
    (folder,) = _chain(actor, "Clients")
    tag = organizing.create_tag(actor, name="x")
    for act in (
        lambda: organizing.rename_folder(elsewhere, folder, name="y"),
        lambda: organizing.delete_folder(elsewhere, folder),
        lambda: organizing.create_folder(elsewhere, name="y", parent=folder),
        lambda: organizing.change_tag(elsewhere, tag, name="y"),
        lambda: organizing.delete_tag(elsewhere, tag),
        lambda: organizing.move_flows(elsewhere, [flow], folder),
    ):
        with pytest.raises(organizing.PlaceGone):
            act()
    assert organizing.move_flows(elsewhere, [flow], None) == 0
    assert organizing.tag_flows(elsewhere, [flow]) == 0
    assert folder_tree(elsewhere) == []
    assert list(tags_of(elsewhere)) == []


def test_a_viewer_keeps_nothing_in_order(actor: Actor, flow: Flow) -> None:
    viewer = Actor(actor.workspace_id, "viewer", ROLE_ACTIONS["viewer"])
    (folder,) = _chain(actor, "Clients")
    tag = organizing.create_tag(actor, name="x")
    for act in (
        lambda: organizing.create_folder(viewer, name="y"),
        lambda: organizing.rename_folder(viewer, folder, name="y"),
        lambda: organizing.delete_folder(viewer, folder),
        lambda: organizing.create_tag(viewer, name="y"),
        lambda: organizing.change_tag(viewer, tag, name="y"),
        lambda: organizing.delete_tag(viewer, tag),
        lambda: organizing.move_flows(viewer, [flow], folder),
        lambda: organizing.tag_flows(viewer, [flow], add=[tag]),
        lambda: organizing.duplicate_flow(viewer, flow),
    ):
        with pytest.raises(PermissionRefused):
            act()
