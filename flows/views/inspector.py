"""The form of one node: its settings, what every node has, and the help of its type."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString, mark_safe

from accounts.models import Membership
from accounts.permissions import Actor
from accounts.queries import credentials_to_name
from flows.engine.document import Document, NodeSpec
from flows.engine.node_call import mode_of
from flows.engine.node_type import NodeType
from flows.engine.registry import registry
from flows.models import Flow
from flows.views.form_controls import FormField
from flows.views.form_fields import fields_of
from flows.views.form_kinds import CREDENTIALS
from flows.views.markdown import render_markdown

JSON = Any
#: Flows, members and credentials that a picker offers; any other may be typed.
MOST_PICKED = 200


@dataclass(frozen=True)
class Pick:
    """One entry of a picker: what is written, and what people read beside it."""

    value: str
    label: str = ""


#: The entries of a list, for the words behind its name.
type Source = Callable[[Sequence[str]], Iterable[Pick]]


@dataclass(frozen=True)
class NodeForm:
    """What the inspector shows of a node; `fields` are of its config, `settings` of any node."""

    node: str
    title: str
    label: str
    type: str
    category: str
    icon: str
    summary: str
    fields: tuple[FormField, ...]
    settings: tuple[FormField, ...]
    help: SafeString


def node_form(node: NodeSpec) -> NodeForm:
    """The form of a node; of a type that is not known here, its config as JSON."""
    node_type = registry().get(node.type)
    title = node_type.title if node_type else node.type
    return NodeForm(
        node=node.id,
        title=title,
        label=node.label,
        type=node.type,
        category=node_type.category if node_type else "code",
        icon=node_type.icon if node_type else "circle-help",
        summary=node_type.summary if node_type else "This type of node is not installed here.",
        fields=tuple(_config_fields(node, node_type)),
        settings=tuple(_settings(node, node_type)),
        help=_help(node.type) if node_type else SafeString(""),
    )


def form_of(document: Document, key: str, node_type: str = "") -> NodeForm | None:
    """The form of a node of the document; None where there is none and no type is named.

    `node_type`: a node that a page has just added is not in the draft yet; its form is empty.
    """
    for node in document.nodes:
        if node.id == key:
            return node_form(node)
    if registry().get(node_type) is None:
        return None
    return node_form(NodeSpec(id=key, type=node_type))


def _config_fields(node: NodeSpec, node_type: NodeType | None) -> list[FormField]:
    if node_type is None:
        return [
            FormField(
                "config", "json", "Settings", ("config",), "field-config",
                value=node.config, mode="json", evaluated=False, multiline=True,
            )
        ]  # fmt: skip
    schema = node_type.config.model_json_schema()
    modes = {name: mode_of(node_type, name) for name in node_type.config.model_fields}
    return fields_of(schema, node.config, ("config",), modes)


_RETRY: Mapping[str, JSON] = {
    "type": "object",
    "title": "Retry",
    "description": "How often it is tried. What is left empty is as the type of node has it.",
    "properties": {
        "max_attempts": {"type": "integer", "title": "Attempts", "minimum": 1, "maximum": 20},
        "initial_seconds": {
            "type": "number", "title": "First pause (seconds)", "minimum": 0, "maximum": 3600,
        },
        "backoff": {"type": "number", "title": "Pause grows by", "minimum": 1, "maximum": 10},
        "max_seconds": {
            "type": "number", "title": "Longest pause (seconds)", "minimum": 0, "maximum": 86_400,
        },
        "if": {
            "type": "string",
            "title": "Only if",
            "description": "One expression, such as {{ error.status == 500 }}.",
        },
    },
}  # fmt: skip
_SETTINGS: Mapping[str, Mapping[str, JSON]] = {
    "label": {
        "type": "string", "title": "Label", "maxLength": 200,
        "description": "What people read on the card.",
    },
    "id": {
        "type": "string", "title": "Id", "maxLength": 63,
        "description": "Its name in expressions. Renaming it rewrites them.",
    },
    "note": {
        "type": "string", "title": "Note", "widget": "text",
        "description": "For whoever reads the flow.",
    },
    "retry": _RETRY,
    "timeout_seconds": {
        "type": "number", "title": "Timeout (seconds)", "minimum": 0,
        "description": "An attempt that takes longer is ended.",
    },
    "on_error": {
        "enum": ["stop", "continue", "branch"], "title": "When it fails", "default": "stop",
        "description": "stop: the run fails; continue: it goes on; branch: by the port error.",
    },
    "disabled": {
        "type": "boolean", "title": "Disabled", "default": False,
        "description": "A run passes it by.",
    },
}  # fmt: skip
#: Settings whose texts hold expressions.
_EVALUATED = {"retry"}


def _settings(node: NodeSpec, node_type: NodeType | None) -> Iterable[FormField]:
    """What every node of this kind has; settings that documents do not know are left out."""
    wanted = [
        name
        for name in _SETTINGS
        if name in NodeSpec.model_fields and _makes_sense(name, node, node_type)
    ]
    schema = {"properties": {name: _SETTINGS[name] for name in wanted}}
    modes = {name: "expressions" if name in _EVALUATED else "never" for name in wanted}
    fields = fields_of(schema, _values(node), (), modes)
    return (_number_only(field) for field in fields)


def _makes_sense(name: str, node: NodeSpec, node_type: NodeType | None) -> bool:
    if node_type is None or name in _values(node):
        return True
    match name:
        case "retry":
            return node_type.io is not None
        case "timeout_seconds":
            return node_type.io is not None or node_type.control is not None
        case "on_error" | "disabled":
            return node_type.runs
    return True


def _number_only(field: FormField) -> FormField:
    """Only the retry's condition is computed; its numbers are numbers."""
    parts = tuple(replace(one, evaluated=one.name == "if") for one in field.fields)
    return replace(field, fields=parts)


def _values(node: NodeSpec) -> dict[str, JSON]:
    """The node as its document's entry, without its config and without defaults."""
    entry = node.model_dump(exclude_defaults=True, exclude={"config", "retry"})
    if node.retry is not None:
        entry["retry"] = node.retry.model_dump(exclude_none=True, by_alias=True)
    return entry


@cache
def _help(node_type: str) -> SafeString:
    """The type's README as HTML, without its heading: the panel has one."""
    path = registry().folder(node_type) / "README.md"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, _, body = text.partition("\n") if text.startswith("# ") else ("", "", text)
    html = render_markdown(body.replace("](../", "](").strip())
    # An example that is wider than the panel is scrolled by keyboard too.
    return mark_safe(html.replace("<pre>", '<pre tabindex="0">'))


def pickers(
    actor: Actor, flow: Flow, form: NodeForm, others: Mapping[str, Source]
) -> dict[str, list[Pick]]:
    """The lists that the form's fields pick from, by name; only those that it needs are read.

    `others` gives the entries of lists that other apps have, for the words behind their name.
    """
    sources: Mapping[str, Source] = {
        "flows": lambda words: _flows(actor, flow),
        "members": lambda words: _members(flow.workspace_id),
        CREDENTIALS: lambda words: _credentials(actor, words),
        **others,
    }
    made: dict[str, list[Pick]] = {}
    for field in form.fields:
        for name in filter(None, (one.picker for one in (field, *field.inside))):
            if name not in made:
                kind, *words = name.split("-")
                made[name] = list(sources[kind](words))
    return made


def _flows(actor: Actor, flow: Flow) -> list[Pick]:
    rows = Flow.objects.visible_to(actor).exclude(id=flow.id)
    named = rows.order_by("name").values_list("slug", "name")[:MOST_PICKED]
    return [Pick(slug, name) for slug, name in named]


def _members(workspace_id: UUID) -> list[Pick]:
    rows = Membership.objects.filter(workspace_id=workspace_id, user__is_active=True)
    named = rows.order_by("user__email").values_list("user__email", "user__name")[:MOST_PICKED]
    return [Pick(email, name) for email, name in named]


def _credentials(actor: Actor, types: Sequence[str]) -> list[Pick]:
    rows = credentials_to_name(actor)
    if types:
        rows = rows.filter(type__in=types)
    return [Pick(row.name, row.get_type_display()) for row in rows[:MOST_PICKED]]
