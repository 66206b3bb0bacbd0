"""A new node type is one folder: written at run time, it is in the catalogue, runs and is shown.

Nothing else is edited: no list to add it to, no page, no migration.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from django.conf import settings
from django.test import Client
from pytest_django import DjangoDbBlocker

from accounts.models import User
from execution.tests.flows_for_tests import document, output, start_node
from fluxprompt.paths import ROOT
from fluxprompt.testing.live_stack import LiveStack
from tests.support.api import Api
from tests.support.visitor import new_visitor

PURE = '''
"""Says it louder."""
from pydantic import Field
from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType, PureInputs, Result

class Config(NodeConfig):
    what: Text = Field(title="What", description="To shout.")
    times: int = Field(default=1, title="Times", description="How often.", ge=1, le=9)

def run(config: Config, inputs: PureInputs) -> Result:
    return Result({"loud": config.what.upper() + "!" * config.times})

NODE = NodeType(type="NAME", title="Shout it", summary="Shouts.", category="data",
                icon="megaphone", config=Config, pure=run, outputs={"loud": "text"})
'''

IO = '''
"""Asks a service for its list of things, twice if need be."""
import json
from pydantic import Field
from flows.engine.config import NodeConfig, Text
from flows.engine.errors import NodeError
from flows.engine.node_type import Context, NodeType, Port, Result, RetryDefaults

class Config(NodeConfig):
    url: Text = Field(title="Address", description="Of the service.")

async def run(config: Config, ctx: Context) -> Result:
    ctx.emit("asking ")
    if ctx.attempt == 1:
        raise NodeError("not_now", "The first try never works.", retryable=True)
    answer = await ctx.http("GET", config.url)
    names = [item["id"] for item in json.loads(answer.content)["data"]]
    ctx.emit("asked")
    return Result({"names": names, "status": answer.status}, ports=("some" if names else "none",))

NODE = NodeType(type="NAME", title="Ask it", summary="Asks.", category="tool", icon="radar",
                config=Config, io=run, ports=(Port("some"), Port("none")), streams=True,
                outputs={"names": "list", "status": "number"},
                retry=RetryDefaults(max_attempts=2, initial_seconds=0.1))
'''


@dataclass(frozen=True)
class Types:
    """Two node types that nobody has heard of, and the folder that holds theirs."""

    folder: Path
    pure: str
    io: str


@pytest.fixture(scope="module")
def types(
    live_stack: LiveStack,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Types]:
    """A worker and a web server that know the new types; afterwards two that do not."""
    unique = uuid.uuid4().hex[:10]
    made = Types(tmp_path_factory.mktemp("nodes"), f"shout_{unique}", f"ask_{unique}")
    for name, source in ((made.pure, PURE), (made.io, IO)):
        folder = made.folder / name
        folder.mkdir()
        (folder / "node.py").write_text(source.replace("NAME", name))
        (folder / "README.md").write_text(f"# {name}\n\nHelp for {name}.\n")
    with django_db_blocker.unblock():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FLUX_NODE_PATHS", str(made.folder))
            _start_again(live_stack)
        yield made
        _start_again(live_stack)


def _start_again(stack: LiveStack) -> None:
    stack.kill("web")
    stack.kill_worker()
    stack.start_worker()
    stack.start_web()
    stack.wait_until_ready()


@pytest.fixture
def api(stack: LiveStack, types: Types) -> Iterator[Api]:
    with Api(stack) as made:
        yield made


def test_the_catalogue_has_the_new_types_with_settings_ports_and_help(
    api: Api, types: Types
) -> None:
    known = {kind["type"]: kind for kind in api.ask("GET", "/node-types")["results"]}
    pure, io = known[types.pure], known[types.io]
    assert (pure["title"], pure["category"], pure["icon"]) == ("Shout it", "data", "megaphone")
    assert pure["config"]["required"] == ["what"]
    assert pure["config"]["properties"]["times"]["maximum"] == 9
    assert pure["outputs"] == {"loud": "text"}
    assert pure["help"] == f"# {types.pure}\n\nHelp for {types.pure}.\n"
    assert (io["ports"], io["streams"], io["retry"]["max_attempts"]) == (["some", "none"], True, 2)
    assert "llm" in known


def test_both_kinds_run_and_a_retry_is_the_types_own(
    api: Api, types: Types, stack: LiveStack
) -> None:
    nodes = [
        start_node("text"),
        {"id": "loud", "type": types.pure, "config": {"what": "{{ start.text }}", "times": 3}},
        {"id": "ask", "type": types.io, "config": {"url": f"{stack.model_server.url}/v1/models"}},
        output("{{ loud.loud }} {{ ask.names | join(',') }} {{ ask.status }}"),
        output("nobody", "empty"),
    ]
    edges = ["start>loud", "loud>ask", "ask.some>end", "ask.none>empty"]
    run = api.run(api.publish(document(nodes, edges)), {"text": "hey"})
    assert (run["status"], run["outputs"]) == ("succeeded", {"end": "HEY!!! echo 200"})
    attempts = [
        (row["node"], row["attempt"], row["status"])
        for row in api.nodes(run["id"])
        if row["node"] in ("loud", "ask", "empty")
    ]
    assert sorted(attempts) == [
        ("ask", 1, "failed"),
        ("ask", 2, "succeeded"),
        ("empty", 1, "skipped"),
        ("loud", 1, "succeeded"),
    ]
    asked = next(row for row in api.nodes(run["id"]) if row["node"] == "ask")
    assert asked["error"]["code"] == "not_now"


def test_the_flows_page_shows_the_new_types(stack: LiveStack, types: Types) -> None:
    visitor = new_visitor()
    nodes = [
        start_node("text"),
        {"id": "loud", "type": types.pure, "config": {"what": "x"}},
        {"id": "ask", "type": types.io, "config": {"url": "https://example.com"}},
        output("x"),
    ]
    content = document(nodes, ["start>loud", "loud>ask", "ask.some>end"])
    with Api(stack, visitor.actor) as api:
        flow = api.publish(content)
    browser = Client()
    browser.force_login(User.objects.get(email=visitor.email))
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    with httpx2.Client(trust_env=False, cookies={settings.SESSION_COOKIE_NAME: cookie}) as http:
        page = http.get(f"{stack.base_url}/flows/{flow}/")
    assert page.status_code == 200
    assert "Shout it" in page.text
    assert "Ask it" in page.text


def test_a_wrong_setting_of_a_new_type_is_named_before_anything_runs(
    api: Api, types: Types
) -> None:
    nodes = [
        start_node("text"),
        {"id": "loud", "type": types.pure, "config": {"what": "x", "times": 99, "volume": 11}},
        output("{{ loud.lowd }}"),
    ]
    content = document(nodes, ["start>loud", "loud>end"])
    answer = api.ask("POST", "/flows/validate", {"document": content})
    said = str(answer)
    assert "times" in said
    assert "volume" in said
    assert "lowd" in said


def test_only_the_types_own_folder_knows_of_them(types: Types) -> None:
    names = (types.pure.encode(), types.io.encode())
    apart = {".git", ".venv", "node_modules", "var", "__pycache__"}
    knowing = []
    for folder, folders, files in ROOT.walk():
        folders[:] = [name for name in folders if name not in apart]
        for file in files:
            try:
                content = (folder / file).read_bytes()
            except OSError:
                # Somebody's temporary file that has gone meanwhile.
                continue
            if any(name in content for name in names):
                knowing.append(str(folder / file))
    assert knowing == []
    assert {path.name for path in types.folder.iterdir()} == {types.pure, types.io}


def test_without_the_folder_the_flow_says_what_is_missing(
    stack: LiveStack, types: Types, api: Api
) -> None:
    """Last in this file: it takes the types away."""
    nodes = [
        start_node("text"),
        {"id": "loud", "type": types.pure, "config": {"what": "x"}},
        output("{{ loud.loud }}"),
    ]
    flow = api.publish(document(nodes, ["start>loud", "loud>end"]))
    stack.restart_worker()
    run = api.run(flow, {"text": "x"})
    assert run["status"] == "failed"
    assert run["error"]["code"] == "node_type_unknown"
    assert types.pure in run["error"]["message"]
