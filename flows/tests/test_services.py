"""Drafts, versions and examples: what the services do to the rows."""

from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Workspace
from accounts.permissions import ROLE_ACTIONS, Actor, PermissionRefused
from flows import queries, services
from flows.engine.document import dump, parse
from flows.engine.errors import DocumentInvalid
from flows.models import Flow
from flows.services import load_examples
from flows.tests.fixtures import GREETING


def document(**changes: Any) -> dict[str, Any]:
    return {**GREETING, **changes}


def nodes_with(count: int) -> dict[str, Any]:
    """A chain of so many nodes between input and output."""
    middle = [
        {"id": f"step{i}", "type": "template", "config": {"template": "x"}} for i in range(count)
    ]
    start, result = GREETING["nodes"]
    ids = ["start", *(node["id"] for node in middle), "result"]
    edges = [{"from": a, "to": b} for a, b in pairwise(ids)]
    return document(nodes=[start, *middle, result], edges=edges)


def test_a_document_comes_back_from_the_rows_as_it_went_in(actor: Actor) -> None:
    given = document(
        description="Says hello",
        settings={"timeout_seconds": 60},
        nodes=[
            GREETING["nodes"][0],
            {
                "id": "result",
                "type": "output",
                "label": "Result",
                "config": {"value": {"deep": [1, {"a": None}]}},
                "retry": {"max_attempts": 3},
                "timeout_seconds": 5,
                "on_error": "continue",
            },
        ],
        layout={"start": {"x": 0, "y": 12.5}},
    )
    flow = services.create_flow(actor, document=given)
    assert dump(queries.draft_document(flow)) == dump(parse(given))


def test_a_name_alone_makes_a_flow_that_can_be_published(actor: Actor) -> None:
    flow = services.create_flow(actor, name="My flow")
    assert (flow.name, flow.slug, flow.revision) == ("My flow", "my-flow", 1)
    assert services.publish_flow(actor, flow).number == 1


def test_the_given_name_wins_over_the_documents(actor: Actor) -> None:
    flow = services.create_flow(actor, name="Mine", document=GREETING)
    assert queries.draft_document(flow).name == "Mine"


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Validate", "flow-validate"), ("日本", "flow"), ("ab" * 100, ("ab" * 100)[:70])],
)
def test_a_slug_is_usable_as_an_address(actor: Actor, name: str, slug: str) -> None:
    assert services.create_flow(actor, name=name).slug == slug


def test_flows_of_the_same_name_get_slugs_of_their_own(actor: Actor) -> None:
    slugs = [services.create_flow(actor, name="Same").slug for _ in range(3)]
    assert slugs == ["same", "same-2", "same-3"]


def test_an_equal_draft_changes_nothing(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    audits = AuditEvent.objects.count()
    again = services.replace_draft(actor, flow, GREETING)
    assert again.revision == 1
    assert AuditEvent.objects.count() == audits


def test_only_changed_rows_are_written(actor: Actor) -> None:
    flow = services.create_flow(actor, document=nodes_with(30))
    before = {node.key: node.pk for node in flow.nodes.all()}
    changed = nodes_with(30)
    changed["nodes"][5]["config"] = {"template": "changed"}
    with CaptureQueriesContext(
        connection,
    ) as captured:
        services.replace_draft(actor, flow, changed)
    updates = [q["sql"] for q in captured if q["sql"].startswith('UPDATE "flows_node"')]
    assert len(updates) == 1
    written = updates[0].replace("-", "")
    named = [key for key, pk in before.items() if pk.hex in written]
    assert named == [changed["nodes"][5]["id"]]
    assert {node.key: node.pk for node in flow.nodes.all()} == before
    flow.refresh_from_db()
    assert flow.revision == 2


def test_writing_a_draft_takes_as_many_queries_for_many_nodes_as_for_few(actor: Actor) -> None:
    counts = []
    for size in (3, 300):
        flow = services.create_flow(actor, document=GREETING)
        with CaptureQueriesContext(connection) as captured:
            services.replace_draft(actor, flow, nodes_with(size))
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert counts[0] <= 16


def test_removed_nodes_and_edges_go(actor: Actor) -> None:
    flow = services.create_flow(actor, document=nodes_with(3))
    services.replace_draft(actor, flow, GREETING)
    assert [node.key for node in flow.nodes.all()] == ["start", "result"]
    assert [str(edge) for edge in flow.edges.all()] == ["start.out → result"]


def test_a_stale_write_is_refused_and_changes_nothing(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    services.replace_draft(actor, flow, document(name="Second"), expected_revision=1)
    with pytest.raises(services.StaleRevision) as caught:
        services.replace_draft(actor, flow, document(name="Third"), expected_revision=1)
    assert caught.value.current == 2
    flow.refresh_from_db()
    assert flow.name == "Second"


def test_publishing_freezes_the_draft_and_counts_up(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    first = services.publish_flow(actor, flow, note="First")
    services.replace_draft(actor, flow, document(description="More"))
    second = services.publish_flow(actor, flow)
    assert (first.number, second.number) == (1, 2)
    first.refresh_from_db()
    assert "description" not in first.document
    assert second.document["description"] == "More"


def test_publishing_an_unchanged_draft_gives_the_current_version(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    first = services.publish_flow(actor, flow)
    services.replace_draft(actor, flow, document(layout={"start": {"x": 9, "y": 9}}))
    assert services.publish_flow(actor, flow) == first
    assert flow.versions.count() == 1


def test_a_draft_with_errors_is_kept_but_not_published(actor: Actor) -> None:
    flow = services.create_flow(actor, document=document(nodes=[GREETING["nodes"][1]], edges=[]))
    with pytest.raises(DocumentInvalid) as caught:
        services.publish_flow(actor, flow)
    assert any(problem.severity == "error" for problem in caught.value.problems)
    assert not flow.versions.exists()


def test_restoring_makes_an_old_version_the_draft_and_publishes_nothing(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    services.publish_flow(actor, flow)
    services.replace_draft(actor, flow, nodes_with(2))
    services.publish_flow(actor, flow)
    restored = services.restore_version(actor, flow, 1)
    assert len(queries.draft_document(restored).nodes) == 2
    assert restored.published is not None
    assert restored.published.number == 2
    with pytest.raises(services.VersionMissing):
        services.restore_version(actor, flow, 9)


def test_every_write_leaves_an_audit_event(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    services.publish_flow(actor, flow)
    services.update_flow(actor, flow, name="Other")
    services.restore_version(actor, flow, 1)
    services.delete_flow(actor, flow)
    actions = set(
        AuditEvent.objects.filter(target_id=str(flow.pk)).values_list("action", flat=True)
    )
    assert actions == {"flow.create", "flow.publish", "flow.edit", "flow.restore", "flow.delete"}


def test_a_viewer_changes_nothing(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    viewer = Actor(actor.workspace_id, "viewer", ROLE_ACTIONS["viewer"], user_id=actor.user_id)
    for attempt in (
        lambda: services.create_flow(viewer, name="x"),
        lambda: services.replace_draft(viewer, flow, GREETING),
        lambda: services.update_flow(viewer, flow, name="x"),
        lambda: services.publish_flow(viewer, flow),
        lambda: services.restore_version(viewer, flow, 1),
        lambda: services.delete_flow(viewer, flow),
    ):
        with pytest.raises(PermissionRefused):
            attempt()


def test_an_actor_of_another_workspace_cannot_write_even_with_the_row_in_hand(
    actor: Actor, workspace: Workspace
) -> None:
    flow = services.create_flow(actor, document=GREETING)
    elsewhere = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    intruder = Actor(elsewhere.id, "intruder", ROLE_ACTIONS["owner"])
    with pytest.raises(services.FlowGone):
        services.replace_draft(intruder, flow, GREETING)


def test_what_a_column_cannot_hold_is_a_problem_of_the_document(actor: Actor) -> None:
    with pytest.raises(DocumentInvalid):
        services.create_flow(actor, name="n" * 300)
    with pytest.raises(DocumentInvalid):
        services.create_flow(actor, name="nul \0")
    flow = services.create_flow(actor, name="Fine")
    with pytest.raises(DocumentInvalid):
        services.update_flow(actor, flow, name="n" * 300)


def test_the_diff_names_nodes_edges_and_places(actor: Actor) -> None:
    flow = services.create_flow(actor, document=GREETING)
    services.publish_flow(actor, flow)
    changed = nodes_with(1)
    changed["nodes"][-1] = {"id": "result", "type": "output", "config": {"value": "Bye"}}
    services.replace_draft(actor, flow, changed)
    diff = queries.version_diff(flow, 1, "draft")
    assert diff.added == ["step0"]
    assert diff.removed == []
    assert [(node.id, node.paths) for node in diff.changed] == [("result", ["config.value"])]
    assert diff.edges_removed == [{"from": "start", "to": "result"}]
    assert "+" in diff.text
    assert "Bye" in diff.text


def test_examples_are_loaded_once_and_published(actor: Actor) -> None:
    made = load_examples(actor)
    assert len(made) >= 6
    assert all(Flow.objects.get(pk=flow.pk).published for flow in made)
    assert load_examples(actor) == []


def test_the_page_of_flows_is_of_the_actors_workspace_only(actor: Actor) -> None:
    mine = services.create_flow(actor, name="Mine")
    elsewhere = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    stranger = Actor(elsewhere.id, "stranger", ROLE_ACTIONS["owner"])
    services.create_flow(stranger, name="Theirs")
    assert queries.flows_page(actor).results == [mine]
    assert queries.find_flow(stranger, str(mine.pk)) is None
    assert queries.find_flow(actor, "mine") == mine
