"""Starts of n8n workflows: the first one becomes the input, the others add their fields to it."""

import re
from typing import Any

from flows.importing.draft import Made, Shape, valid_id
from flows.importing.n8n.reading import short
from flows.importing.source import mapping, mappings, words
from flows.importing.steps import Step

JSON = Any
_FORM_TYPES = {
    "textarea": "text", "number": "number", "checkbox": "boolean", "file": "file", "json": "json",
    "any": "json", "array": "list", "object": "json", "boolean": "boolean", "string": "string",
}  # fmt: skip


def _start(step: Step, fields: list[dict[str, JSON]], shape: Shape) -> None:
    """Make the input, or add the fields to the one that another trigger made."""
    facts = step.draft.flow.facts
    made: Made | None = facts.get("start")
    if made is None:
        facts["start"] = step.become("input", {"fields": fields}, shape=shape)
        return
    entry = next(e for e in step.draft.entries if e["id"] == made.root)
    known = {field["name"] for field in entry["config"]["fields"]}
    entry["config"]["fields"] += [field for field in fields if field["name"] not in known]
    for field in entry["config"]["fields"]:
        # Each run begins at one of them, and is given the fields of that one only.
        field.pop("required", None)
    step.nodes.append(made.root)
    step.draft.made[step.source.id] = Made(made.entry, made.root, last=made.last, shape=shape)
    step.changed("A flow has one input: this start shares it with the first one.")


def manual(step: Step) -> None:
    _start(step, [], Shape())


def webhook(step: Step) -> None:
    path = words(step.config.get("path"))
    step.tell(f"Make a webhook trigger for the flow; its address was '/{path[:80]}' there.")
    if step.config.get("authentication", "none") != "none":
        step.changed("How callers prove who they are has to be set on the trigger again.")
    names = ("body", "query", "headers", "params")
    _start(step, [{"name": n, "type": "json", "default": {}} for n in names], Shape())


def schedule(step: Step) -> None:
    rule = mappings(mapping(step.config.get("rule")).get("interval"))
    shown = "; ".join(" ".join(f"{k} {v}" for k, v in one.items()) for one in rule)[:200]
    step.changed(f"Make a schedule trigger for the flow{f': {shown}' if shown else ''}.")
    _start(step, [], Shape())


def chat(step: Step) -> None:
    step.tell("Make a chat trigger for the flow, or run it with the field 'chat_input'.")
    field = {"name": "chat_input", "type": "text", "required": True}
    _start(step, [field], Shape(fields={("chatInput",): ("chat_input",)}))


def form(step: Step) -> None:
    step.tell("Make a form trigger for the flow.")
    fields: list[dict[str, JSON]] = []
    ours: dict[tuple[str, ...], tuple[str, ...]] = {}
    for raw in mappings(mapping(step.config.get("formFields")).get("values")):
        label = words(raw.get("fieldName")) or words(raw.get("fieldLabel"))
        name = _field_name(label, fields)
        field: dict[str, JSON] = {"name": name, "description": words(raw.get("fieldLabel"))[:900]}
        field["type"] = _FORM_TYPES.get(words(raw.get("fieldType")), "string")
        if raw.get("requiredField") is True:
            field["required"] = True
        fields.append(field)
        ours[(label,)] = (name,)
        if field["type"] == "file":
            ours[("$binary", re.sub(r"\W", "_", label, flags=re.ASCII))] = (name,)
    _start(step, fields, Shape(fields=ours))


def called(step: Step) -> None:
    """The start of a workflow that others call."""
    fields: list[dict[str, JSON]] = []
    ours: dict[tuple[str, ...], tuple[str, ...]] = {}
    values = mappings(mapping(step.config.get("workflowInputs")).get("values"))
    for raw in values:
        name = _field_name(words(raw.get("name")), fields)
        fields.append({"name": name, "type": _FORM_TYPES.get(words(raw.get("type")), "json")})
        ours[(words(raw.get("name")),)] = (name,)
    if not values:
        step.changed("Any data was taken here: name the fields of the input.")
        fields = [{"name": "data", "type": "json", "default": {}}]
        _start(step, fields, Shape(("data",)))
        return
    _start(step, fields, Shape(fields=ours))


def other(step: Step) -> None:
    """A trigger of another service: its events arrive by a webhook, in a field of the input."""
    step.status = "unsupported"
    step.tell(
        f"Events of '{short(step.source.type)}' do not start flows here: have the service call a "
        "webhook, which gives the field 'event'."
    )
    field = {"name": "event", "type": "json", "default": {}}
    _start(step, [field], Shape(("event",)))


def _field_name(label: str, fields: list[dict[str, JSON]]) -> str:
    base = valid_id(label or "field")
    name, count = base, 1
    while any(field["name"] == name for field in fields):
        count += 1
        name = f"{base}_{count}"
    return name
