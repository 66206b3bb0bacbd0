"""A node type gets a new version: saved flows show it, published ones run with it, none changes."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from execution.tests.flows_for_tests import document, output, start_node
from flows.models import FlowVersion, Node
from fluxprompt.testing.live_stack import LiveStack
from tests.support.api import Api

FIRST = '''
"""Repeats a text."""
from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType, PureInputs, Result

class Config(NodeConfig):
    what: Text

def run(config: Config, inputs: PureInputs) -> Result:
    return Result({"text": config.what * 2})

NODE = NodeType(type="NAME", title="Repeat", summary="Repeats.", category="data", icon="repeat",
                config=Config, pure=run, outputs={"text": "text"})
'''
SECOND = '''
"""Repeats a text, as often as wanted."""
from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType, PureInputs, Result

class Config(NodeConfig):
    text: Text
    times: int

def run(config: Config, inputs: PureInputs) -> Result:
    return Result({"text": config.text * config.times})

def migrate(version, config):
    if config["what"] == "broken":
        raise ValueError("nobody knows how")
    return {"text": config["what"], "times": 2}

NODE = NodeType(type="NAME", title="Repeat", summary="Repeats.", category="data", icon="repeat",
                config=Config, pure=run, outputs={"text": "text"}, version=2, migrate=migrate)
'''


class Repeat:
    """A node type in a folder of its own; `install` puts a version of it there."""

    def __init__(self, stack: LiveStack, parent: Path) -> None:
        self.stack = stack
        self.name = f"repeat_{uuid.uuid4().hex[:10]}"
        self.folder = parent / self.name
        self.folder.mkdir()

    def install(self, source: str) -> None:
        (self.folder / "node.py").write_text(source.replace("NAME", self.name))
        restart(self.stack)


def restart(stack: LiveStack) -> None:
    stack.kill("web")
    stack.kill_worker()
    stack.start_worker()
    stack.start_web()
    stack.wait_until_ready()


@pytest.fixture
def repeat(
    stack: LiveStack, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[Repeat]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUX_NODE_PATHS", str(tmp_path))
        yield Repeat(stack, tmp_path)
    restart(stack)


def test_flows_of_before_go_on_in_the_new_form_and_keep_their_bytes(repeat: Repeat) -> None:
    repeat.install(FIRST)
    with Api(repeat.stack) as api:
        flows = {}
        for what in ("{{ start.text }}", "broken"):
            node = {"id": "more", "type": repeat.name, "config": {"what": what}}
            nodes = [start_node("text"), node, output("{{ more.text }}")]
            flows[what] = api.publish(document(nodes, ["start>more", "more>end"]))
        sound, broken = flows.values()
        assert api.run(sound, {"text": "ab"})["outputs"] == {"end": "abab"}
    stored = FlowVersion.objects.get(flow_id=sound).document

    repeat.install(SECOND)
    with Api(repeat.stack, api.actor) as api:
        assert api.run(sound, {"text": "ab"})["outputs"] == {"end": "abab"}
        draft = api.ask("GET", f"/flows/{sound}/document")
        shown = next(node for node in draft["nodes"] if node["id"] == "more")
        assert (shown["version"], shown["config"]) == (2, {"text": "{{ start.text }}", "times": 2})
        detail = api.ask("GET", f"/flows/{sound}")
        assert detail["problems"] == []
        refused = api.http.post(f"/flows/{broken}/runs", json={"inputs": {"text": "ab"}})
        told = api.ask("GET", f"/flows/{broken}")["problems"]
    assert FlowVersion.objects.get(flow_id=sound).document == stored
    assert Node.objects.get(flow_id=sound, key="more").config == {"what": "{{ start.text }}"}
    assert refused.status_code == 422
    assert "migration_failed" in refused.text
    assert "nobody knows how" in refused.text
    assert "migration_failed" in [problem["code"] for problem in told]
