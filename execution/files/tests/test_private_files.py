"""Files that runs of private flows made: who reads and deletes them, and which runs do."""

import asyncio
from typing import Any

import pytest
from django.test import Client

from accounts.ids import new_id
from accounts.permissions import PermissionRefused, system_actor
from accounts.services import create_api_key
from execution.doors.files import RunFiles
from execution.errors import InputsInvalid
from execution.files.models import File
from execution.files.services import Made, delete_file
from execution.files.tests.files_for_tests import stored
from execution.models import Run
from execution.rights import may_read
from execution.steering import rerun_run
from execution.tests.flows_for_tests import document, output
from execution.tests.teams_for_tests import Team
from flows.engine.errors import NodeError
from flows.models import Flow
from flows.services import create_flow
from flows.sharing import share_flow

FIELDS = [{"name": "doc", "type": "file"}]
TAKES_A_FILE = document(
    [{"id": "start", "type": "input", "config": {"fields": FIELDS}}, output("{{ start.doc }}")],
    ["start>end"],
)


@pytest.fixture
def team(db: None, without_examples: None) -> Team:
    return Team()


@pytest.fixture
def dispatched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.services.dispatch", lambda *given: None)


def made_by(team: Team, run: Run | None = None) -> File:
    """A file of Ada's private flow, as a run of it made it."""
    made = Made(run.id if run else new_id(), "write", team.flow.id)
    return stored(system_actor(team.workspace.id), content=b"secret", made=made)


def reads(run: Run, file: File) -> bool:
    return may_read(run.id, run.flow_id, file)


def test_a_builder_with_whom_a_flow_is_shared_to_see_it_deletes_no_file_of_it(team: Team) -> None:
    file, bob = made_by(team), team.people["bob"]
    share_flow(team.actor("ada"), team.flow, shares={bob.id: "view"})
    client = Client()
    client.force_login(bob)
    path = f"/api/v1/files/{file.id}"
    assert client.get(path).status_code == 200
    assert client.delete(path).status_code == 403
    with pytest.raises(PermissionRefused, match="not shared with you for this"):
        delete_file(team.actor("bob"), file)
    share_flow(team.actor("ada"), team.flow, shares={bob.id: "run"})
    assert client.delete(path).status_code == 204
    assert not File.objects.exists()


def test_a_run_reads_files_of_a_private_flow_by_the_rights_it_has(team: Team) -> None:
    file = made_by(team)
    assert reads(team.run_by("vi", publisher="ada"), file)
    assert not reads(team.run_by("ada", publisher="bob"), file)
    assert reads(team.run_by("ada"), file)
    by_a_key = team.run_by("bob")
    assert not reads(by_a_key, file)
    key, _ = create_api_key(team.actor("owner"), name="ci")
    Run.objects.filter(id=by_a_key.id).update(api_key=key, created_by=None)
    assert reads(by_a_key, file)


def test_files_of_flows_that_everybody_sees_are_read_by_every_run(team: Team) -> None:
    file = made_by(team)
    run = team.run_by("bob", publisher="bob")
    assert not reads(run, file)
    share_flow(team.actor("ada"), team.flow, visibility="workspace")
    assert reads(run, file)
    # Of a flow that is gone nobody knows who saw it.
    Flow.objects.filter(id=team.flow.id).delete()
    assert not reads(run, file)


def test_who_starts_a_run_may_name_a_file_that_only_they_see(team: Team) -> None:
    file = made_by(team)
    for name, may in (("ada", True), ("vi", False)):
        run = team.run_by(name, publisher="bob")
        assert not reads(run, file)
        Run.objects.filter(id=run.id).update(inputs={"doc": {"file": str(file.id)}})
        assert reads(run, file) is may


def test_a_family_of_runs_reads_what_one_of_it_made(team: Team) -> None:
    first, inner = (team.run_by("bob", publisher="bob") for _ in range(2))
    Run.objects.filter(id=inner.id).update(lineage=[str(first.id)])
    inner.refresh_from_db()
    assert reads(first, made_by(team, inner))
    assert reads(inner, made_by(team, first))
    assert not reads(team.run_by("bob", publisher="bob"), made_by(team, inner))


@pytest.mark.django_db(transaction=True)
def test_a_node_that_may_not_read_a_file_is_told_of_none(team: Team) -> None:
    file = made_by(team)

    def read(run: Run) -> bytes:
        call: Any = {
            "workspace_id": str(run.workspace_id),
            "run_id": str(run.id),
            "flow_id": str(run.flow_id),
            "node": "read",
        }
        return asyncio.run(RunFiles(call, "k").read(str(file.id)))[1]

    assert read(team.run_by("bob", publisher="ada")) == b"secret"
    with pytest.raises(NodeError) as refused:
        read(team.run_by("ada", publisher="bob"))
    assert refused.value.code == "file_missing"
    assert file.name not in refused.value.message


def test_a_rerun_is_given_no_file_that_its_starter_does_not_see(
    team: Team, dispatched: None
) -> None:
    hidden = {"doc": {"file": str(made_by(team).id)}}
    run = team.run_by("owner")
    flow = create_flow(team.actor("owner"), document=TAKES_A_FILE)
    Run.objects.filter(id=run.id).update(flow=flow, status="failed", inputs=hidden)
    run.refresh_from_db()
    bob = team.actor("bob")
    with pytest.raises(InputsInvalid) as refused:
        rerun_run(bob, run, version="draft", inputs=hidden)
    assert [one["code"] for one in refused.value.errors] == ["file_missing"]
    # It may not need any more what is gone: what was taken over is looked for by the step.
    assert rerun_run(bob, run, version="draft").created
