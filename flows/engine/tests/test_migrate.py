"""Nodes of an older version of their type are brought into today's form, or it is said why not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.engine.document import Document, dump, parse
from flows.engine.migrate import migrated, migrated_data, migration
from flows.engine.registry import Registry
from flows.engine.validate import validate

GREET = '''
"""Greets; in version 1 `who` was called `name`, and `loud` came with version 3."""
from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType, PureInputs, Result

class Config(NodeConfig):
    who: Text
    loud: bool = False

def run(config: Config, inputs: PureInputs) -> Result:
    return Result({"text": f"Hello {config.who}{'!' * config.loud}"})

def migrate(version, config):
    MIGRATE

NODE = NodeType(type="greet", title="Greet", summary="Greets.", category="data", icon="hand",
                config=Config, pure=run, outputs={"text": "text"}, version=3, migrate=migrate)
'''
STEPS = """
    if version < 2:
        config["who"] = config.pop("name")
    return {**config, "loud": config.get("loud", True)}
"""


@pytest.fixture
def types(tmp_path: Path) -> Callable[[str], Registry]:
    """A registry whose `greet` migrates by this code."""

    def read(code: str = STEPS) -> Registry:
        folder = tmp_path / "greet"
        folder.mkdir(exist_ok=True)
        (folder / "node.py").write_text(GREET.replace("    MIGRATE", code))
        return Registry.read([tmp_path])

    return read


def saved(config: dict[str, Any], **more: Any) -> Document:
    nodes = [
        {"id": "start", "type": "input", "config": {"fields": [{"name": "text"}]}},
        {"id": "hello", "type": "greet", "config": config, **more},
        {"id": "end", "type": "output", "config": {"value": "{{ hello.text }}"}},
    ]
    edges = [{"from": "start", "to": "hello"}, {"from": "hello", "to": "end"}]
    return parse({"name": "x", "nodes": nodes, "edges": edges})


def test_each_older_version_takes_its_own_way_to_todays_form(
    types: Callable[[str], Registry],
) -> None:
    registry = types(STEPS)
    for config, version in (({"name": "Ada"}, 1), ({"who": "Ada"}, 2)):
        before = saved(config, version=version)
        kept = dump(before)
        node = migrated(before, registry).nodes[1]
        assert (node.version, node.config) == (3, {"who": "Ada", "loud": True})
        assert dump(before) == kept


def test_what_is_current_newer_or_unknown_is_left_as_it_is(
    types: Callable[[str], Registry],
) -> None:
    registry = types(STEPS)
    for document in (
        saved({"who": "Ada"}, version=3),
        saved({"who": "Ada"}, version=4),
        parse({"name": "x", "nodes": [{"id": "a", "type": "gone", "config": {"a": 1}}]}),
    ):
        assert migrated(document, registry) is document
        assert migrated_data(dump(document), registry) == dump(document)


def test_stored_data_is_migrated_without_being_changed(types: Callable[[str], Registry]) -> None:
    data = dump(saved({"name": "Ada"}))
    again = dump(saved({"name": "Ada"}))
    assert migrated_data(data, types(STEPS))["nodes"][1]["config"] == {"who": "Ada", "loud": True}
    assert data == again


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("    raise ValueError('no way from here')", "no way from here"),
        ("    return config['who']", "'who'"),
        ("    return None", "NoneType"),
        ("    return {'who': {1, 2}}", "set"),
        ("    return {'who': float('nan')}", "not a number"),
    ],
)
def test_a_migration_that_fails_is_a_problem_of_its_node(
    types: Callable[[str], Registry], code: str, why: str
) -> None:
    before = saved({"name": "Ada"})
    after, problems = migration(before, types(code))
    assert after.nodes[1] == before.nodes[1]
    (problem,) = problems
    assert (problem.code, problem.severity, problem.node, problem.path) == (
        "migration_failed",
        "error",
        "hello",
        "version",
    )
    assert "version 1" in problem.message
    assert "version 3" in problem.message
    assert why in problem.message


def test_validation_judges_the_form_of_today(types: Callable[[str], Registry]) -> None:
    assert validate(saved({"name": "Ada"}), types(STEPS)) == []
    found = validate(saved({"name": "Ada"}), types("    raise KeyError('name')"))
    assert "migration_failed" in [problem.code for problem in found]
    found = validate(saved({"who": "Ada", "name": "x"}, version=3), types(STEPS))
    assert [problem.code for problem in found] == ["config_unknown"]
