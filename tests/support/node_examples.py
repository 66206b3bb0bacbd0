"""The examples of node types in docs/nodes.md, and a flow around each of them.

What is replaced in an example, and nothing else, so that it can be run:

- addresses `https://….example.com` become that of a web server of the test;
- a `wait` lasts 50 milliseconds in place of an hour;
- an `approval` asks the member who made the test's API key in place of `grace@example.com`.

Models keep their names: the servers that they are asked at are scripted.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flows.engine.document import parse
from flows.engine.registry import registry
from flows.engine.validate import validate
from fluxprompt.paths import ROOT

JSON = Any
PAGE = ROOT / "docs" / "nodes.md"
WAITED_SECONDS = 0.05
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"https://([\w-]+\.)*example\.com")


@dataclass(frozen=True)
class Example:
    """A node as it stands on the page, in the section `title`."""

    title: str
    node: dict[str, JSON]

    @property
    def type(self) -> str:
        return str(self.node["type"])

    @property
    def id(self) -> str:
        return str(self.node["id"])


def blocks(page: Path = PAGE) -> list[tuple[str, JSON]]:
    """(title of its section, content) of every block of YAML."""
    found = []
    for section in re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        title = section.partition("\n")[0]
        found += [(title, yaml.safe_load(text)) for text in _BLOCK.findall(section)]
    return found


def examples(page: Path = PAGE) -> list[Example]:
    """Every block that is a node."""
    return [
        Example(title, node)
        for title, content in blocks(page)
        if isinstance(content, list)
        for node in content
    ]


def node_to_run(node: dict[str, JSON], web: str, email: str) -> dict[str, JSON]:
    """The example with what the module's text says replaced. `web` is an address without path."""
    made: dict[str, JSON] = json.loads(_ADDRESS.sub(web, json.dumps(node)))
    config = made["config"]
    if made["type"] == "wait":
        config["seconds"] = WAITED_SECONDS
    elif made["type"] == "approval":
        config["assignees"] = [email]
    return made


def flow_around(node: dict[str, JSON], execution: str) -> dict[str, JSON]:
    """A document: the input `start` with the field `text`, the node, and an output `end`."""
    node_type = registry().get(node["type"])
    assert node_type is not None, f"there is no node type '{node['type']}'"
    name = node["id"]
    start = _node("start", "input", fields=[{"name": "text", "type": "text", "required": True}])
    end = _node("end", "output", value=f"{{{{ {name if node_type.runs else 'start.text'} }}}}")
    ways = [f"{name}.{port}" if port != "out" else name for port in _ports(node)]
    to_end = [(way, "end") for way in ways]
    if node["type"] == "input":
        return _document([node, end], to_end, execution)
    if not node_type.runs:
        return _document([start, node, end], [("start", "end")], execution)
    if node["type"] == "merge":
        sides = [_node(side, "template", template=side) for side in ("left", "right")]
        edges = [("start", "left"), ("start", "right"), ("left", name), ("right", name), *to_end]
        return _document([start, *sides, node, end], edges, execution)
    if node["type"] == "output" or not ways:
        return _document([start, node], [("start", name)], execution)
    return _document([start, node, end], [("start", name), *to_end], execution)


def empty_flow(node: dict[str, JSON], execution: str) -> dict[str, JSON]:
    """The same flow with a node in its place that does nothing, to compare with."""
    made = flow_around(node, execution)
    place, name = made["nodes"].index(node), node["id"]
    if node["type"] == "input":
        made["nodes"][place] = {**node, "config": {}}
    elif node["type"] == "note":
        del made["nodes"][place]
    else:
        made["nodes"][place] = _node(name, "transform", fields={})
        before = [edge for edge in made["edges"] if edge["from"].partition(".")[0] != name]
        after = {"from": name, "to": "end"}
        made["edges"] = before + [after] * (len(before) < len(made["edges"]))
    return made


def flow_of_parts(parts: dict[str, JSON], web: str) -> dict[str, JSON]:
    """A document with the page's `edges`, `settings` and `layout`, and nodes of those names."""
    steps = [_node(name, "template", template=name) for name in ("bill", "shorten", "send")]
    fetch = _node("fetch", "http", url=f"{web}/not-there")
    nodes = [
        _node("start", "input", fields=[{"name": "text"}]),
        _node(
            "route",
            "switch",
            value="{{ start.text }}",
            cases=[{"name": "billing", "when": "billing"}],
        ),
        _node("is_long", "if", condition="{{ start.text | length > 3 }}"),
        _node("check", "approval", message="May it go out?"),
        {**fetch, "on_error": "branch"},
        *steps,
        _node("tell", "template", template="{{ fetch.error.message }}"),
        _node("remark", "note", text="Above the first card."),
    ]
    made = _document(nodes, [("start", name) for name in ("is_long", "check", "fetch")], "durable")
    return {**made, **parts, "edges": [*made["edges"], *parts["edges"]]}


def may_be_inline(node: dict[str, JSON]) -> bool:
    """Whether a flow with this node may be carried out in the process that was asked."""
    problems = validate(parse(flow_around(node, "inline")), registry())
    return all(problem.code != "not_inline" for problem in problems)


def right_end(node: dict[str, JSON]) -> str:
    """How a run with this node ends where all is well."""
    return str(node["config"].get("status", "succeeded")) if node["type"] == "stop" else "succeeded"


def _ports(node: dict[str, JSON]) -> tuple[str, ...]:
    node_type = registry().get(node["type"])
    assert node_type is not None
    return node_type.port_names(node["config"])


def _node(name: str, type: str, **config: JSON) -> dict[str, JSON]:
    return {"id": name, "type": type, "config": config}


def _document(
    nodes: list[dict[str, JSON]], edges: list[tuple[str, str]], execution: str
) -> dict[str, JSON]:
    return {
        "schema": "fluxprompt.flow/v1",
        "name": f"Example {nodes[1]['type']}",
        "nodes": nodes,
        "edges": [{"from": before, "to": after} for before, after in edges],
        "settings": {"execution": execution},
    }
