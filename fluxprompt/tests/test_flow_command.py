"""`manage.py flow`: what it prints, and when it fails."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Workspace
from accounts.permissions import system_actor
from execution.models import Run
from execution.services import start_run
from flows.engine.document import admit
from flows.models import Flow
from flows.queries import draft_document
from flows.services import create_flow, keep_for_file
from fluxprompt.flow_run import failed_at
from fluxprompt.health import Check

YAML = """\
schema: fluxprompt.flow/v1
name: Hello file
nodes:
  - {id: start, type: input, config: {fields: [{name: name, type: string, required: true}]}}
  - {id: result, type: output, config: {value: "Hello {{ start.name }}"}}
edges:
  - {from: start, to: result}
"""


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("flow", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hello.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(name="Only", slug="only")


def test_a_file_is_imported_and_exported_again(workspace: Workspace, file: Path) -> None:
    flow_id, slug = run("import", file, "--publish").split()
    flow = Flow.objects.get(pk=flow_id)
    assert (flow.slug, flow.workspace, slug) == ("hello-file", workspace, "hello-file")
    assert flow.published is not None
    exported = file.with_name("again.yaml")
    exported.write_text(run("export", "hello-file"))
    assert json.loads(run("export", flow_id, "--format", "json"))["name"] == "Hello file"
    assert run("export", flow_id, "--version", 1) == exported.read_text()
    run("import", exported)
    assert Flow.objects.filter(name="Hello file").count() == 2


def test_a_broken_file_imports_nothing(workspace: Workspace, file: Path) -> None:
    broken = file.with_name("broken.yaml")
    broken.write_text("name: [")
    with pytest.raises(CommandError):
        run("import", file, broken)
    assert not Flow.objects.exists()


def test_validate_says_what_is_wrong_without_a_workspace(db: None, file: Path) -> None:
    assert "No errors" in run("validate", file)
    file.write_text(YAML.replace("start.name", "strat.name"))
    errors = StringIO()
    with pytest.raises(CommandError, match="1 of 1 files"):
        call_command("flow", "validate", str(file), stdout=StringIO(), stderr=errors)
    assert "result" in errors.getvalue()
    assert "start" in errors.getvalue()


def test_a_missing_file_and_a_missing_flow_are_one_sentence(workspace: Workspace) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("import", "nothing.yaml")
    with pytest.raises(CommandError, match="There is no flow 'nothing'"):
        run("export", "nothing")


def test_several_workspaces_have_to_be_told_apart(workspace: Workspace, file: Path) -> None:
    Workspace.objects.create(name="Second", slug="second")
    with pytest.raises(CommandError, match="--workspace"):
        run("import", file)
    run("import", file, "--workspace", "second")
    assert Flow.objects.get().workspace.slug == "second"
    with pytest.raises(CommandError, match="no workspace 'third'"):
        run("import", file, "--workspace", "third")


def test_without_a_worker_run_says_what_to_start(
    workspace: Workspace, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "fluxprompt.flow_run.check_temporal", lambda: (Check(True), Check(False, "No worker."))
    )
    with pytest.raises(CommandError, match=r"manage\.py up"):
        run("run", file, "--input", "name=Ada")


def test_a_file_runs_and_its_outputs_are_printed(stack: Any, file: Path, tmp_path: Path) -> None:
    workspace = Workspace.objects.create(name="Runs", slug=f"runs-{tmp_path.name}"[:50])
    text = tmp_path / "name.txt"
    text.write_text("Ada")
    here = ("--workspace", workspace.slug)
    printed = run("run", file, "--input", f"name=@{text}", *here)
    assert json.loads(printed) == {"result": "Hello Ada"}
    given = tmp_path / "inputs.json"
    given.write_text('{"name": "Grace"}')
    assert json.loads(run("run", file, "--inputs-json", given, *here)) == {"result": "Hello Grace"}
    assert Flow.objects.get(workspace=workspace).slug == "file-hello-file"
    with pytest.raises(CommandError, match="name"):
        run("run", file, *here)
    with pytest.raises(CommandError, match="runs as it is"):
        run("run", file, "--version", 1, *here)
    file.write_text(YAML.replace("Hello {{ start.name }}", "{{ 1 / start.name }}"))
    with pytest.raises(CommandError, match="failed at 'result'"):
        run("run", file, "--input", "name=0", *here)
    flow_id, _ = run("import", file, "--publish", *here).split()
    with pytest.raises(CommandError, match="failed"):
        run("run", flow_id, "--input", "name=0", *here)


def test_a_file_leaves_a_draft_alone_that_has_its_slug(
    stack: Any, file: Path, tmp_path: Path
) -> None:
    workspace = Workspace.objects.create(name="Runs", slug=f"theirs-{tmp_path.name}"[:50])
    actor = system_actor(workspace.id)
    theirs = create_flow(actor, name="Precious", slug="file-hello-file")
    before = draft_document(theirs)
    printed = run("run", file, "--input", "name=Ada", "--workspace", workspace.slug)
    assert json.loads(printed) == {"result": "Hello Ada"}
    assert draft_document(Flow.objects.get(pk=theirs.pk)) == before
    assert Run.objects.get(workspace=workspace).flow != theirs


def test_a_file_runs_as_it_is_though_another_of_its_name_comes_between(
    stack: Any, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.objects.create(name="Runs", slug=f"between-{tmp_path.name}"[:50])
    actor = system_actor(workspace.id)

    def start_late(*arguments: Any, **options: Any) -> Any:
        # What the same command does at the same moment for another file.
        keep_for_file(actor, admit(YAML.replace("Hello {{", "Goodbye {{")))
        return start_run(*arguments, **options)

    monkeypatch.setattr("fluxprompt.flow_run.start_run", start_late)
    printed = run("run", file, "--input", "name=Ada", "--workspace", workspace.slug)
    assert json.loads(printed) == {"result": "Hello Ada"}
    assert Flow.objects.filter(workspace=workspace).count() == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": "timed_out"}, ""),
        ({"node": "ask", "attempt": 1, "max_attempts": 1}, " at 'ask'"),
        (
            {"node": "ask", "label": "Ask", "path": ["rows", 3], "attempt": 3, "max_attempts": 4},
            " at 'ask' (Ask) in rows.3, attempt 3 of 4",
        ),
    ],
)
def test_a_failed_run_is_said_with_its_place(error: dict[str, Any], words: str) -> None:
    assert failed_at(error) == words


@pytest.mark.parametrize("given", ["", " ", "x" * 201, "a\x00b"])
def test_a_session_id_that_cannot_be_kept_is_refused_at_once(given: str) -> None:
    with pytest.raises(CommandError, match="the session id"):
        call_command("flow", "run", "nothing.yaml", "--session", given)
