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
from execution.services import start_run
from execution.steering import rerun_run
from execution.tests.flows_for_tests import document, output, published
from execution.tests.teams_for_tests import Team
from flows.engine.errors import NodeError
from flows.models import Flow
from flows.services import create_flow, publish_flow, replace_draft
from flows.sharing import share_flow

FIELDS = [{"name": "doc", "type": "file"}]


def takes(*fields: dict[str, Any]) -> dict[str, Any]:
    """A document with these fields."""
    start = {"id": "start", "type": "input", "config": {"fields": list(fields)}}
    return document([start, output("{{ start.doc }}")], ["start>end"])


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


def named(file: File) -> dict[str, Any]:
    return {"doc": {"file": str(file.id)}}


def test_who_starts_a_run_may_name_a_file_that_only_they_see(team: Team) -> None:
    file = made_by(team)
    for name, may in (("ada", True), ("vi", False)):
        run = team.run_by(name, publisher="bob")
        assert not reads(run, file)
        Run.objects.filter(id=run.id).update(inputs=named(file))
        assert reads(run, file) is may


def of_bob(team: Team, **default: Any) -> Flow:
    """A published flow of Bob's, with a field that he gave this default."""
    field = {"name": "doc", "type": "file", **default}
    return published(team.actor("bob"), takes(field))


@pytest.mark.parametrize("given", ["nothing", "as the form shows it", "with more around it"])
@pytest.mark.parametrize("kind", ["file", "json"])
def test_s11_a_default_is_read_by_the_rights_of_who_published_it(
    team: Team, dispatched: None, kind: str, given: str
) -> None:
    file = made_by(team)
    # The same in JSON, so that the document does not have the id in it.
    escaped = f'{{"file": "\\u003{str(file.id)[0]}{str(file.id)[1:]}"}}'
    default = {"file": str(file.id)} if kind == "file" else escaped
    flow = of_bob(team, type=kind, default=default)
    more = {"doc": {"file": str(file.id), "note": "more"}}
    inputs = {"nothing": {}, "as the form shows it": {"doc": default}}.get(given, more)
    run = start_run(team.actor("ada"), flow, inputs).run
    assert str(file.id) in str(run.inputs)
    assert not reads(run, file)
    share_flow(team.actor("ada"), team.flow, shares={team.people["bob"].id: "view"})
    assert reads(run, file)


def test_a_flow_starts_for_who_does_not_see_its_default_as_long_as_that_is_there(
    team: Team, dispatched: None
) -> None:
    file = made_by(team)
    flow = of_bob(team, default=str(file.id))
    assert start_run(team.actor("bob"), flow, {}).created
    File.objects.filter(id=file.id).delete()
    with pytest.raises(InputsInvalid):
        start_run(team.actor("bob"), flow, {})


def test_s11_a_rerun_names_nothing_of_what_it_takes_over(team: Team, dispatched: None) -> None:
    file = made_by(team)
    flow = of_bob(team, default=str(file.id))
    run = start_run(team.actor("ada"), flow, {}).run
    Run.objects.filter(id=run.id).update(status="failed")
    # The default is gone from the flow meanwhile, and still in what the run was given.
    replace_draft(team.actor("bob"), flow, takes(*FIELDS))
    publish_flow(team.actor("bob"), flow)
    again = rerun_run(team.actor("ada"), run, version="published").run
    assert again.inputs == named(file)
    assert not reads(again, file)
    # A name that Bob wrote becomes none of Ada's by her running it again.
    by_bob = team.run_by("bob", publisher="bob")
    by_ada = team.run_by("ada", publisher="bob")
    Run.objects.filter(id__in=(by_bob.id, by_ada.id)).update(inputs=named(file), status="failed")
    for run, may in ((by_bob, False), (by_ada, True)):
        repeat = Run.objects.create(
            workspace=team.workspace,
            flow=run.flow,
            version=run.version,
            created_by=team.people["ada"],
            created_at=run.created_at,
            inputs=named(file),
            options={"rerun": {"run": str(run.id)}},
            rerun_of=run,
        )
        assert reads(repeat, file) is may
        run.delete()
        assert not reads(repeat, file)


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
    file, other = made_by(team), made_by(team)
    run = team.run_by("owner")
    flow = create_flow(team.actor("owner"), document=takes(*FIELDS))
    Run.objects.filter(id=run.id).update(flow=flow, status="failed", inputs=named(file))
    run.refresh_from_db()
    bob = team.actor("bob")
    with pytest.raises(InputsInvalid) as refused:
        rerun_run(bob, run, version="draft", inputs=named(other))
    assert [one["code"] for one in refused.value.errors] == ["file_missing"]
    # It may not need any more what is gone: what was taken over is looked for by the step.
    for inputs in (None, named(file)):
        again = rerun_run(bob, run, version="draft", inputs=inputs)
        assert again.created
        assert not reads(again.run, file)


def test_a_rerun_looks_only_for_files_that_it_is_newly_given(team: Team, dispatched: None) -> None:
    owner = team.actor("owner")
    flow = published(owner, takes(*FIELDS, {"name": "note"}))
    file = stored(owner, content=b"x")
    run = start_run(owner, flow, {**named(file), "note": "old"}).run
    Run.objects.filter(id=run.id).update(status="failed")
    File.objects.filter(id=file.id).delete()
    assert rerun_run(owner, run, inputs={**named(file), "note": "new"}).created
    with pytest.raises(InputsInvalid):
        rerun_run(owner, run, inputs={"doc": str(new_id()), "note": "old"})
