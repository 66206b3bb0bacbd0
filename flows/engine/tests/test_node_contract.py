"""What every node type's folder has to hold, checked for each of them."""

import importlib.metadata
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flows.engine.document import parse
from flows.engine.node_type import NodeType
from flows.engine.registry import registry
from flows.engine.validate import validate

TYPES = registry().all()
each_type = pytest.mark.parametrize("node_type", TYPES, ids=lambda t: t.type)
ISSUE_TYPES = {
    *("input", "output", "template", "transform", "if", "switch", "merge"),
    *("http", "llm", "stop", "note", "approval"),
}


def _readme(node_type: NodeType) -> str:
    return (registry().folder(node_type.type) / "README.md").read_text()


def _example(node_type: NodeType) -> dict[str, Any]:
    block = re.search(r"```yaml\n(.*?)```", _readme(node_type), re.DOTALL)
    assert block, "the README needs one YAML example"
    example = yaml.safe_load(block[1])[0]
    assert isinstance(example, dict)
    return example


def _fields(model: type[BaseModel], path: str = "") -> list[tuple[str, FieldInfo]]:
    found = []
    for name, field in model.model_fields.items():
        found.append((path + name, field))
        for inner in getattr(field.annotation, "__args__", ()):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found += _fields(inner, f"{path}{name}[].")
    return found


def test_every_type_of_the_contract_exists() -> None:
    assert {node_type.type for node_type in TYPES} >= ISSUE_TYPES


@each_type
def test_the_folder_has_help_and_tests(node_type: NodeType) -> None:
    folder: Path = registry().folder(node_type.type)
    assert (folder / "README.md").is_file()
    assert "def test_" in (folder / "test_node.py").read_text()


@each_type
def test_the_readme_names_every_config_field(node_type: NodeType) -> None:
    text = _readme(node_type)
    assert text.startswith(f"# {node_type.title}\n")
    for name in node_type.config.model_fields:
        assert f"| `{name}` |" in text


@each_type
def test_the_readme_example_is_a_valid_node(node_type: NodeType) -> None:
    example = _example(node_type)
    assert example["type"] == node_type.type
    start = {"id": "start", "type": "input", "config": {"fields": [{"name": "text"}]}}
    nodes, edges = [start], []
    if node_type.type == "input":
        nodes = [example]
    else:
        nodes.append(example)
        if node_type.runs:
            edges.append({"from": "start", "to": example["id"]})
    document = parse({"name": "Example", "nodes": nodes, "edges": edges})
    problems = [p for p in validate(document, registry()) if p.severity == "error"]
    assert problems == []


@each_type
def test_every_field_has_a_title_and_a_description(node_type: NodeType) -> None:
    for name, field in _fields(node_type.config):
        assert field.title, name
        assert field.description, name


@each_type
def test_the_config_has_a_json_schema(node_type: NodeType) -> None:
    schema = node_type.config.model_json_schema()
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False


@each_type
def test_titles_summary_and_ports_are_usable(node_type: NodeType) -> None:
    assert node_type.title
    assert node_type.summary.endswith(".")
    for config in ({}, _example(node_type)["config"], {"cases": "{{ x }}"}, {"cases": [None]}):
        names = node_type.port_names(config)
        assert len(set(names)) == len(names)
        assert "error" not in names
    assert node_type.runs is (node_type.type != "note")


@each_type
def test_how_long_the_work_may_take_is_told_of_any_config(node_type: NodeType) -> None:
    if node_type.seconds_of is None:
        return
    odd = [None, True, "", "x", "{{ a }}", [1], {"a": 1}, -1, 10**400, float("nan")]
    configs = [{name: value for name in node_type.config.model_fields} for value in odd]
    for config in ({}, _example(node_type)["config"], *configs):
        seconds = node_type.seconds_of(config)
        assert seconds is None or 0 < seconds < 7 * 24 * 3600


@each_type
def test_the_icon_is_one_of_lucide(node_type: NodeType) -> None:
    files = importlib.metadata.files("lucide") or []
    archive = next(f for f in files if str(f).endswith("lucide.zip"))
    with zipfile.ZipFile(str(archive.locate())) as icons:
        assert f"{node_type.icon}.svg" in icons.namelist()
