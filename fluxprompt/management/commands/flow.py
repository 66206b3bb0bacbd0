"""`flow`: flows as files. Import, export, validate and run them from the command line."""

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Workspace
from accounts.permissions import Actor, system_actor
from flows.engine.document import Document, admit, dump_json, dump_yaml, parse
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.models import Flow
from flows.queries import draft_document, find_flow, flow_problems, version_of
from flows.services import VersionMissing, create_flow, publish_flow
from flows.storable import bad_text

#: Characters of a session id.
SESSION_LENGTH = 200


class Command(BaseCommand):
    """Results go to standard output, everything else to standard error."""

    help = "Import, export, validate and run flows as files (JSON or YAML)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        _import = actions.add_parser("import", help="Make flows from files.")
        _import.add_argument("files", nargs="+", type=Path, metavar="FILE")
        _import.add_argument("--publish", action="store_true", help="Publish them as well.")
        export = actions.add_parser("export", help="Print a flow as a file.")
        export.add_argument("flow", metavar="ID", help="Id or slug of the flow.")
        export.add_argument("--format", choices=["yaml", "json"], default="yaml")
        export.add_argument("--version", type=int, dest="number", help="Else the draft.")
        check = actions.add_parser("validate", help="Say what is wrong with files.")
        check.add_argument("files", nargs="+", type=Path, metavar="FILE")
        run = actions.add_parser("run", help="Run a flow and print its outputs as JSON.")
        run.add_argument("flow", metavar="FILE|ID", help="A file, or the id or slug of a flow.")
        _run_arguments(run)
        for action in (_import, export, run):
            action.add_argument("--workspace", metavar="SLUG", help="Needed if there are several.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except DocumentInvalid as error:
            raise CommandError("\n".join(map(_line, error.problems))) from None

    def _import(self, options: dict[str, Any]) -> None:
        actor = _actor(options["workspace"])
        documents = [(file, read_document(file)) for file in options["files"]]
        for _, document in documents:
            flow = create_flow(actor, document=document)
            if options["publish"]:
                publish_flow(actor, flow)
            self.stdout.write(f"{flow.id} {flow.slug}")
            for problem in flow_problems(flow):
                self.stderr.write(_line(problem))

    def _export(self, options: dict[str, Any]) -> None:
        flow = _flow(_actor(options["workspace"]), options["flow"])
        if options["number"] is None:
            document = draft_document(flow)
        else:
            try:
                document = parse(version_of(flow, options["number"]).document)
            except VersionMissing as error:
                raise CommandError(str(error)) from None
        write = dump_json if options["format"] == "json" else dump_yaml
        self.stdout.write(write(document), ending="")

    def _validate(self, options: dict[str, Any]) -> None:
        broken = 0
        for file in options["files"]:
            try:
                problems = validate(read_document(file), registry())
            except DocumentInvalid as error:
                problems = error.problems
            for problem in problems:
                self.stderr.write(f"{file}: {_line(problem)}")
            broken += any(problem.severity == "error" for problem in problems)
        if broken:
            raise CommandError(f"{broken} of {len(options['files'])} files have errors.")
        self.stdout.write("No errors.")

    def _run(self, options: dict[str, Any]) -> None:
        # Imported here: the other actions need no Temporal.
        from fluxprompt.flow_run import Failed, NotReady, run_flow

        actor = _actor(options["workspace"])
        file = Path(options["flow"])
        source = read_document(file) if file.is_file() else _flow(actor, options["flow"])
        try:
            outputs = run_flow(
                actor,
                source,
                _inputs(options),
                version=options["version"],
                timeout=options["timeout"],
                session=options["session"],
                report=lambda line: print(line, file=sys.stderr),
            )
        except (Failed, NotReady) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(outputs, ensure_ascii=False, indent=2))


def _session(given: str) -> str:
    """A session id from the command line. Raises ArgumentTypeError."""
    reason = "is empty" if not given.strip() else bad_text(given)
    if reason is None and len(given) > SESSION_LENGTH:
        reason = f"has more than {SESSION_LENGTH} characters"
    if reason:
        raise ArgumentTypeError(f"the session id {reason}")
    return given.strip()


def _run_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="An input; VALUE may be @FILE for the text of a file. Repeat for more.",
    )
    parser.add_argument("--inputs-json", type=Path, metavar="FILE", help="All inputs at once.")
    parser.add_argument("--version", default=None, help="Of a flow: published, draft or a number.")
    parser.add_argument(
        "--session", type=_session, metavar="ID", help="Whose memory it has: letters of your own."
    )
    parser.add_argument("--timeout", type=float, default=None, help="Seconds to wait for the end.")


def _inputs(options: dict[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    if options["inputs_json"] is not None:
        try:
            inputs = json.loads(_text(options["inputs_json"]))
        except ValueError as error:
            raise CommandError(f"{options['inputs_json']} is not JSON: {error}") from None
        if not isinstance(inputs, dict):
            raise CommandError(f"{options['inputs_json']} has to hold an object: name → value.")
    for given in options["input"]:
        name, equals, value = given.partition("=")
        if not equals:
            raise CommandError(f"--input {given}: write it as NAME=VALUE.")
        inputs[name] = _text(Path(value[1:])) if value.startswith("@") else value
    return inputs


def read_document(file: Path) -> Document:
    """The document in a file. Raises DocumentInvalid."""
    return admit(_text(file))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not UTF-8 text.") from None


def _line(problem: Problem) -> str:
    place = ".".join(part for part in (problem.node, problem.path) if part)
    return f"{problem.severity}: {f'{place}: ' if place else ''}{problem.message}"


def _actor(slug: str | None) -> Actor:
    """The command line acting for the workspace named, or for the only one."""
    workspaces = list(Workspace.objects.order_by("created_at")[:20])
    if slug is not None:
        workspaces = list(Workspace.objects.filter(slug=slug))
        if not workspaces:
            raise CommandError(f"There is no workspace '{slug}'.")
    if not workspaces:
        raise CommandError("There is no workspace yet. Make a user first: createsuperuser")
    if len(workspaces) > 1:
        names = ", ".join(workspace.slug for workspace in workspaces)
        raise CommandError(f"There are several workspaces; add --workspace with one of: {names}")
    return system_actor(workspaces[0].id, "command line")


def _flow(actor: Actor, reference: str) -> Flow:
    flow = find_flow(actor, reference)
    if flow is None:
        raise CommandError(
            f"There is no flow '{reference}' in this workspace, and no file of that name."
        )
    return flow
