"""A node type is one folder; a broken folder says what is wrong with it."""

from pathlib import Path

import pytest

from flows.engine.document import parse
from flows.engine.names import suggestion
from flows.engine.node_call import run_pure
from flows.engine.node_type import PureInputs
from flows.engine.registry import Registry, RegistryError, registry
from flows.engine.validate import validate

SHOUT = '''
"""Says it louder."""
from pydantic import Field
from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType, PureInputs, Result

class Config(NodeConfig):
    what: Text = Field(title="What", description="To shout.")

def run(config: Config, inputs: PureInputs) -> Result:
    return Result({"loud": config.what.upper() + "!"})

NODE = NodeType(type="shout", title="Shout", summary="Shouts.", category="data", icon="megaphone",
                config=Config, pure=run, outputs={"loud": "text"})
'''


def folder(parent: Path, name: str, source: str) -> Path:
    (parent / name).mkdir()
    (parent / name / "node.py").write_text(source)
    return parent


def test_a_new_type_needs_only_its_folder(tmp_path: Path) -> None:
    known = Registry.read([folder(tmp_path, "shout", SHOUT)])
    shout = known.get("shout")
    assert shout is not None
    assert known.folder("shout") == tmp_path / "shout"
    _, result = run_pure(shout, {"what": "{{ a }}"}, {"a": "hey"}, PureInputs())
    assert result.output == {"loud": "HEY!"}
    nodes = [
        {"id": "start", "type": "input"},
        {"id": "loud", "type": "shout", "config": {"what": "x"}},
        {"id": "end", "type": "output", "config": {"value": "{{ loud.lowd }}"}},
    ]
    edges = [{"from": "start", "to": "loud"}, {"from": "loud", "to": "end"}]
    problems = validate(parse({"name": "x", "nodes": nodes, "edges": edges}), known)
    assert [p.code for p in problems] == ["unknown_field"]


def test_the_environment_names_more_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_NODE_PATHS", str(folder(tmp_path, "shout", SHOUT)))
    registry.cache_clear()
    try:
        assert registry().get("shout") is not None
        assert registry() is registry()
    finally:
        monkeypatch.undo()
        registry.cache_clear()


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("broken", "1 +", "SyntaxError"),
        ("missing", "import no_such_module", "no_such_module"),
        ("empty", "x = 1", "NODE = NodeType"),
        ("other", SHOUT, "differ"),
        ("llm", SHOUT.replace('type="shout"', 'type="llm"'), "two node types 'llm'"),
    ],
)
def test_a_broken_folder_is_named(tmp_path: Path, name: str, source: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        Registry.read([folder(tmp_path, name, source)])
    assert name in str(caught.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="is no folder"):
        Registry.read([tmp_path / "nowhere"])


def test_types_are_sorted_and_unknown_ones_get_a_suggestion() -> None:
    names = [node_type.type for node_type in registry().all()]
    assert names == sorted(names)
    assert registry().get("nothing") is None
    assert suggestion("tempalte", registry().names()) == " Did you mean 'template'?"
