"""The flow document (`fluxprompt.flow/v1`): its shape, its canonical form and its digest."""

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from flows.engine.document_problems import (
    duplicate_problems,
    edge_from,
    problems_of,
    unknown_key_problems,
)
from flows.engine.document_text import MAX_BYTES, read_text, too_large, write_yaml
from flows.engine.document_values import MONEY_PATTERN, checked, money_text, plain_number
from flows.engine.errors import MAX_PROBLEMS, DocumentInvalid, Problem
from flows.engine.sizes import compact_size, exceeds

SCHEMA = "fluxprompt.flow/v1"
MAX_NODES = 2_000
MAX_EDGES = 10_000
#: Ids are names in expressions, so they follow the rules of names.
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
TYPE_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
#: Pixels of a note's or frame's sides.
MIN_SIZE, MAX_SIZE = 60, 4_000
#: Spaces for each level of the canonical JSON text.
_INDENT = 2
WEEK_SECONDS = 7 * 24 * 3600
YEAR_SECONDS = 366 * 24 * 3600

TOP_KEYS = ("schema", "name", "description", "settings", "nodes", "edges", "layout")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RetrySpec(_Part):
    """How often a node is tried. Seconds are of waiting between attempts.

    What is not set (None) is as the node type has it; see `flows.engine.attempts`. `condition`
    (`if` in documents) is one expression that decides after a failure whether to try again.
    """

    max_attempts: int | None = Field(default=None, ge=1, le=20)
    initial_seconds: float | None = Field(default=None, ge=0, le=3600)
    backoff: float | None = Field(default=None, ge=1, le=10)
    max_seconds: float | None = Field(default=None, ge=0, le=86_400)
    condition: str | None = Field(default=None, alias="if", min_length=1, max_length=10_000)


class FlowSettings(_Part):
    """What holds for a whole run. `budget` is US dollars as a decimal string (a number
    becomes one); None: no limit.

    `concurrency`: runs of the flow that are at work at once; more wait in its queue.
    """

    timeout_seconds: float | None = Field(default=None, gt=0, le=YEAR_SECONDS)
    budget: Annotated[str | None, BeforeValidator(money_text)] = Field(
        default=None, pattern=MONEY_PATTERN
    )
    execution: Literal["durable", "inline"] = "durable"
    concurrency: int | None = Field(default=None, ge=1, le=10_000)

    def as_dict(self) -> dict[str, Any]:
        """The settings that differ from the defaults."""
        data = self.model_dump(exclude_defaults=True)
        if self.timeout_seconds is not None:
            data["timeout_seconds"] = plain_number(self.timeout_seconds)
        return data


class NodeSpec(_Part):
    """One node. `id` is its name in expressions; `config` is raw (expressions unevaluated).

    A `disabled` node does not run: the flow goes on behind it (see `flows.engine.disabled`).
    """

    id: str = Field(pattern=NAME_PATTERN)
    type: str = Field(pattern=TYPE_PATTERN)
    version: int = Field(default=1, ge=1, le=10_000)
    label: str = Field(default="", max_length=200)
    config: dict[str, Any] = Field(default_factory=dict)
    parent: str | None = Field(default=None, pattern=NAME_PATTERN)
    retry: RetrySpec | None = None
    timeout_seconds: float | None = Field(default=None, gt=0, le=WEEK_SECONDS)
    on_error: Literal["stop", "continue", "branch"] = "stop"
    disabled: bool = False


class EdgeSpec(_Part):
    """One edge: from an output port of `source` to `target`."""

    source: str = Field(pattern=NAME_PATTERN)
    port: str = Field(default="out", pattern=NAME_PATTERN)
    target: str = Field(pattern=NAME_PATTERN)


class Position(_Part):
    """Where a card's top left corner is on the canvas, and how large a note is drawn; pixels."""

    x: float = Field(ge=-1e7, le=1e7)
    y: float = Field(ge=-1e7, le=1e7)
    width: float | None = Field(default=None, ge=MIN_SIZE, le=MAX_SIZE)
    height: float | None = Field(default=None, ge=MIN_SIZE, le=MAX_SIZE)


class Document(_Part):
    """A flow as it is saved. `layout` is for the eye only: no part of the flow's meaning."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=10_000)
    settings: FlowSettings = FlowSettings()
    nodes: list[NodeSpec] = Field(default_factory=list)
    edges: list[EdgeSpec] = Field(default_factory=list)
    layout: dict[str, dict[str, float]] = Field(default_factory=dict)

    @field_validator("layout")
    @classmethod
    def _positions(cls, layout: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for node, position in layout.items():
            try:
                Position.model_validate(position)
            except ValidationError:
                message = (
                    f"the position of '{node}' has to be {{x: …, y: …}}, for a note also with "
                    f"width and height from {MIN_SIZE} to {MAX_SIZE:,}"
                )
                raise ValueError(message) from None
        return layout


def admit(source: str | bytes | dict[str, Any]) -> Document:
    """`parse` for what comes in from outside: the limit of size holds for plain data as well.

    It is measured as the document is exported, so that what was taken in can be taken in again.
    What is stored was admitted once; reading it does not measure again. Raises DocumentInvalid.
    """
    if isinstance(source, dict) and compact_size(source) > MAX_BYTES:
        raise too_large()
    document = parse(source)
    # The last byte is the line end that an export adds.
    if exceeds(dump(document), MAX_BYTES - 1, indent=_INDENT):
        raise too_large()
    return document


def parse(source: str | bytes | dict[str, Any]) -> Document:
    """Read a document from JSON or YAML text, or from plain data. Raises DocumentInvalid.

    Nothing is executed; limits on the size of a text, on depth and on counts hold before anything
    is built.
    """
    data = checked(source if isinstance(source, dict) else read_text(source))
    problems = unknown_key_problems(data, TOP_KEYS, {n: _keys(m) for n, m in PARTS})
    if data.get("schema", SCHEMA) != SCHEMA:
        problems.append(Problem("schema_unknown", f"Set schema to '{SCHEMA}'.", path="schema"))
    _check_counts(data)
    edges: list[Any] = []
    for index, raw in enumerate(data.get("edges") or []):
        edge = edge_from(raw, index, problems)
        if edge is not None:
            edges.append(edge)
    if len(problems) > MAX_PROBLEMS:
        raise DocumentInvalid(problems)  # pydantic would find each of them again
    fields = {k: v for k, v in data.items() if k in TOP_KEYS and k != "schema" and v is not None}
    document: Document | None = None
    try:
        document = Document.model_validate({**fields, "edges": edges})
    except ValidationError as error:
        problems.extend(problems_of(error, data))
    if document is not None:
        problems.extend(duplicate_problems(document.nodes, document.edges))
    if problems or document is None:
        raise DocumentInvalid(problems)
    return document


PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("settings", FlowSettings),
    ("node", NodeSpec),
    ("retry", RetrySpec),
)


def _keys(part: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a part as documents write them."""
    return tuple(field.alias or name for name, field in part.model_fields.items())


def _check_counts(data: dict[str, Any]) -> None:
    for key, limit in (("nodes", MAX_NODES), ("edges", MAX_EDGES)):
        items = data.get(key)
        if items is None:
            continue
        if not isinstance(items, list):
            message = f"'{key}' has to be a list."
            raise DocumentInvalid([Problem("document_shape", message, path=key)])
        if len(items) > limit:
            have = f"this one has {len(items):,}"
            message = f"A flow holds at most {limit:,} {key}; {have}. Split it into sub-flows."
            raise DocumentInvalid([Problem("document_too_large", message, path=key)])


def dump(document: Document) -> dict[str, Any]:
    """The canonical form as plain data: sorted keys, nodes in document order, no defaults."""
    data: dict[str, Any] = {"schema": SCHEMA, "name": document.name}
    if document.description:
        data["description"] = document.description
    if settings := document.settings.as_dict():
        data["settings"] = settings
    data["nodes"] = [_dump_node(node) for node in document.nodes]
    if document.edges:
        data["edges"] = [_dump_edge(edge) for edge in document.edges]
    if document.layout:
        data["layout"] = {
            node: {side: plain_number(value) for side, value in at.items()}
            for node, at in document.layout.items()
        }
    ordered = _sorted(data)
    assert isinstance(ordered, dict)
    return ordered


def _dump_node(node: NodeSpec) -> dict[str, Any]:
    data = node.model_dump(exclude_defaults=True, exclude={"retry", "timeout_seconds"})
    if node.retry is not None:
        retry = node.retry.model_dump(exclude_none=True, by_alias=True)
        data["retry"] = {key: plain_number(value) for key, value in retry.items()}
    if node.timeout_seconds is not None:
        data["timeout_seconds"] = plain_number(node.timeout_seconds)
    return data


def _dump_edge(edge: EdgeSpec) -> dict[str, str]:
    source = edge.source if edge.port == "out" else f"{edge.source}.{edge.port}"
    return {"from": source, "to": edge.target}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def dump_json(document: Document) -> str:
    """The canonical JSON text, indented for people and for git."""
    return json.dumps(dump(document), ensure_ascii=False, indent=_INDENT) + "\n"


def dump_yaml(document: Document) -> str:
    """The canonical YAML text; long texts stand as blocks so that they diff by line."""
    return write_yaml(dump(document))


def digest(document: Document) -> str:
    """SHA-256 (hex) of the canonical JSON without layout: equal for flows that mean the same."""
    data = dump(document)
    data.pop("layout", None)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
