"""The page docs/nodes.md, made from the folders of the node types; `manage.py docs` writes it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from flows.engine.expressions.filters import FILTERS
from flows.engine.node_type import Category, NodeType, RetryDefaults
from flows.engine.registry import Registry
from flows.engine.sight_names import filter_help

type Schema = Mapping[str, Any]

INTRODUCTION = """\
# Node types

<!-- Written by `manage.py docs` from flows/nodes/; edit the README of a node type there. -->

A node in a flow document:

```yaml
- id: facts                    # its name in expressions: a-z, 0-9 and _
  type: transform
  label: Facts about the text  # what people read; optional, like everything below
  config: {fields: {words: "{{ start.text | split | length }}"}}
  retry: {max_attempts: 4, initial_seconds: 1, backoff: 2, max_seconds: 30,
          if: "{{ error.status == 500 }}"}
  timeout_seconds: 60          # for one attempt
  version: 1                   # of the node type, as it was when the node was made
  on_error: stop               # stop | continue | branch
  disabled: true               # only where it is: the node is not run
```

`on_error` says what happens when the last attempt failed: `stop` ends the run as failed, `continue`
goes on behind the node (its output reads as null), `branch` goes on by one more port, `error`, with
the output `error` (`code`, `message`, `attempt`, `max_attempts`). A node whose ports are the
branches of a decision (`if`, `switch`) cannot `continue`: validation refuses it, and in a version
published before that no branch is taken and what is behind is skipped. A node runs when all nodes
before it have run or were skipped, and at least one edge to it was taken.

Only failures that may pass (a timeout, a busy or broken service) are tried again; what `retry`
leaves out is as the node type has it. Containers, sub-flows and what only waits are tried once, as
a whole: the steps inside have retries of their own. With `retry.if` one expression decides instead,
also about failures that would not pass by themselves: it reads what the config may read, and
`error` (`code`, `message`, `status` of an HTTP answer or null, `attempt`, `retryable`), whatever a
node of that name gives. Where it cannot be evaluated the node is not tried again, and its error
says why.

A service that asks for patience (429, or 503 with `Retry-After`) uses up no attempt: what it asks
for is waited, and where it does not say how long, 1, 2, 4 … 60 seconds; at most an hour and 100
times for one node, and never past the end of the run. An attempt whose worker went away uses up
none either.

A node that is `disabled` is not run, and the flow goes on behind it by its first port: `out` for
most, `true` for an `if`, the first case of a `switch`, `approved` for an `approval`, none for a
`stop`. What it would have given reads as null, so validation warns of what reads it (without
`default`), and of a decision that is made by being left out. In the record it is `skipped`, as a
node is to which no path led; its event `node.skipped` says `reason: disabled`. With a container
all that is inside is disabled, and a disabled `output` gives nothing. What is unfinished in a
disabled node is a warning and no error. The `input` node cannot be disabled. An output that is
given for a disabled node does not count.

A node that was saved with an older version of its type is shown, checked and run in the form of the
version that is installed; what is stored does not change. Without `version` it is 1. Where that
fails, validation says `migration_failed`, and the version does not run."""

EDGES = """\
## Edges

An edge leads from a port of one node to another node. Most nodes have one port, `out`, which is not
written; of a node with several ways on, the port follows the node's id after a point:

```yaml
edges:
  - {from: start, to: route}           # the only way on
  - {from: route.billing, to: bill}    # a case of a switch; `route.default`: all else
  - {from: is_long.true, to: shorten}  # an if: `true` or `false`
  - {from: check.approved, to: send}   # an approval: `approved` or `rejected`
  - {from: fetch.error, to: tell}      # any node with `on_error: branch`
```

There is no key `port`. Each type below says what its ports are called. A port without an edge is
allowed: where it is taken, nothing follows."""

LAYOUT = """\
## Layout

Where the cards of a flow stand on the canvas, in pixels; it means nothing to a run, and is no
part of what tells two versions apart. What has no place is given one when the flow is shown:

```yaml
layout:
  start: {x: 0, y: 0}                               # the card's top left corner
  remark: {x: 0, y: -160, width: 320, height: 120}  # notes and frames have a size, 60 to 4,000
```"""

SETTINGS = """\
## Settings

What holds for a whole run stands in `settings` of the document; all of it is optional:

```yaml
settings: {timeout_seconds: 600, budget: "5.00", execution: durable, concurrency: 3}
```

| setting | kind | default | meaning |
|---|---|---|---|
| `timeout_seconds` | number, over 0 to 31,622,400 (a year) | `3600` | How long a run may work; \
then it ends as `timed_out`. Time that it only waits (for a moment, for people) or is paused does \
not count. |
| `budget` | US dollars, as text or number | – | Once models have cost as much, none is asked any \
more: the step fails with `budget_exceeded`. What sub-flows spend counts; a call in flight may \
overshoot. |
| `execution` | `durable`, `inline` | `"durable"` | `inline`: carried out in the process that was \
asked, for answers in milliseconds. It does not survive that process, and nothing in it may wait. |
| `concurrency` | whole number, from 1 to 10,000 | – | Runs of this flow at work at once; further \
ones wait in its queue. Inline runs and runs as a sub-flow start at once. |

A run that waits or is paused holds no place in `concurrency`, nor in the limit of the workspace.
When it goes on it does so at once, so by then more runs than that may be at work."""

EXPRESSIONS = """\
## Expressions

Texts in a config may hold `{{ … }}`. A text that is exactly one expression keeps its type (number,
list, object); in a longer text the value is written out. (In `if` and `switch`, white space around
a single expression does not count.) Names are the ids of the nodes before
(`{{ ticket.subject }}`), `run` (`run.id`, `run.started_at`, `run.session_id`, `run.trigger`,
`run.flow`) and `vars` (the workspace's variables). What a skipped node would have given reads as
null; a name or key that is not there is an error, unless `default` answers it.

There are arithmetic, comparisons, `and`, `or`, `not`, `in`, `a if condition else b`, `~` to join
texts, lists, objects, `.name` and `[index]`, and filters after a bar. Nothing can be called, and
what an expression gave is never evaluated again. Work and memory of one evaluation are limited."""


def nodes_page(registry: Registry) -> str:
    """The whole page as Markdown."""
    order = get_args(Category)
    types = sorted(registry.all(), key=lambda one: (order.index(one.category), one.title))
    parts = [INTRODUCTION, _overview(types), EDGES, SETTINGS, LAYOUT]
    parts += [_section(one, registry) for one in types]
    parts += [EXPRESSIONS, _filters()]
    return "\n\n".join(parts) + "\n"


def _overview(types: list[NodeType]) -> str:
    rows = [
        (f"[`{one.type}`](#{_anchor(one)})", one.title, one.category, one.summary) for one in types
    ]
    return _table(("type", "title", "category", "what it does"), rows)


def _anchor(node_type: NodeType) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", node_type.title.lower()).replace(" ", "-")


def _section(node_type: NodeType, registry: Registry) -> str:
    readme = (registry.folder(node_type.type) / "README.md").read_text(encoding="utf-8")
    prose, example = _readme_parts(readme)
    prose = re.sub(r"\]\(\.\./(\w+)/README\.md\)", lambda found: _link(found, registry), prose)
    schema = node_type.config.model_json_schema()
    rows = list(_config_rows(schema, schema, ""))
    config = _table(("config", "type", "default", "meaning"), rows) if rows else "No config."
    head = (
        f"## {node_type.title}\n\n`{node_type.type}` · {node_type.category} · {node_type.summary}"
    )
    return "\n\n".join([head, prose, config, _facts(node_type, readme), example])


def _link(found: re.Match[str], registry: Registry) -> str:
    """A link from README to README as one within the page."""
    node_type = registry.get(found[1])
    return found[0] if node_type is None else f"](#{_anchor(node_type)})"


def _readme_parts(readme: str) -> tuple[str, str]:
    """The text of a README before its table, and its example."""
    prose = readme.partition("\n")[2].partition("\n|")[0].strip()
    example = re.search(r"```yaml\n.*?```", readme, re.DOTALL)
    return prose, example[0] if example else ""


def _facts(node_type: NodeType, readme: str) -> str:
    written = re.search(r"^Output: (.+?)(?=\n\n|\Z)", readme, re.MULTILINE | re.DOTALL)
    output = (
        " ".join(written[1].split())
        if written
        else ", ".join(f"`{name}`" for name in node_type.outputs)
    )
    for name, kind in node_type.outputs.items():
        output = output.replace(f"`{name}`", f"`{name}` *{kind}*", 1)
    facts = [f"- Output: {output}"]
    if not node_type.runs:
        return "\n".join([*facts, "- It never runs"])
    facts.append(f"- Ports: {_ports(node_type)}")
    if node_type.io is None:
        facts.append("- Runs inside the workflow: no retries, no timeout of its own")
    else:
        more = ", or what its config asks for" if node_type.seconds_of else ""
        facts.append(f"- {_attempts(node_type.retry)} {node_type.timeout_seconds:g} s each{more}")
    if node_type.streams:
        facts.append("- Streams its text while it runs")
    return "\n".join(facts)


def _ports(node_type: NodeType) -> str:
    names = ", ".join(f"`{name}`" for name in node_type.port_names({}))
    if callable(node_type.ports):
        return f"by the config, and {names}"
    return names or "none"


def _attempts(retry: RetryDefaults) -> str:
    if retry.max_attempts == 1:
        return "One attempt of at most"
    return (
        f"Up to {retry.max_attempts} attempts ({retry.initial_seconds:g} s between the first two, "
        f"then ×{retry.backoff:g}, at most {retry.max_seconds:g} s) of at most"
    )


def _config_rows(schema: Schema, root: Schema, path: str) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        default = "required" if name in required else _default(field.get("default"))
        yield f"`{path}{name}`", _kind(field, root), default, field.get("description", "")
        inner = _target(field.get("items", {}), root)
        if "properties" in inner:
            yield from _config_rows(inner, root, f"{path}{name}[].")


def _default(value: Any) -> str:
    return "–" if value in (None, "") else f"`{json.dumps(value)}`"


def _target(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    return root["$defs"][reference.rpartition("/")[2]] if reference else schema


def _kind(schema: Schema, root: Schema) -> str:
    """A field's type in a reader's words, with its limits."""
    options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if options:
        return " or ".join(_kind(one, root) for one in options)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type")
    if kind == "array":
        inner = _target(schema.get("items", {}), root)
        return f"list of {'objects' if 'properties' in inner else _several(_kind(inner, root))}"
    words = {"string": "text", "integer": "whole number", None: "any"}
    return f"{words.get(kind, kind)}{_limits(schema)}"


def _several(kind: str) -> str:
    """A kind in the plural; its limits, after the comma, hold for each."""
    word, comma, limits = kind.partition(", ")
    if word == "any":
        return "anything"
    return f"{word}s{f', each {limits}' if comma else ''}"


def _limits(schema: Schema) -> str:
    limits = [
        f"{words} {schema[key]:,}"
        for key, words in (("minimum", "from"), ("exclusiveMinimum", "over"), ("maximum", "to"))
        if key in schema
    ]
    if schema.get("maxLength"):
        limits.append(f"up to {schema['maxLength']:,} characters")
    return f", {' '.join(limits)}" if limits else ""


def _filters() -> str:
    rows: list[tuple[str, ...]] = []
    for name, function in FILTERS.items():
        call, meaning = filter_help(name, function)
        rows.append((f"`{call}`", meaning))
    return _table(("filter", "gives"), rows)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- ", "|---")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
