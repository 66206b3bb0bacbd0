"""The form that starts a run, made from the fields of a flow's input node."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.http import QueryDict

from execution.views.session_field import SessionField, session_field
from flows.engine.document import Document
from flows.engine.doors.files import file_id_of
from flows.engine.json_parts import WEB, check_parts
from flows.engine.references import is_reference

JSON = Any
PREFIX = "input-"
#: Before the name of what keeps a file that was given before.
KEPT = "kept-"
_MULTILINE = ("text", "json", "list")


@dataclass(frozen=True)
class Field:
    """One input. `value` is what stands in the control: text, or whether a box is ticked."""

    name: str
    type: str = "string"
    required: bool = False
    default: JSON = None
    description: str = ""
    value: JSON = ""
    errors: tuple[str, ...] = ()

    @property
    def control(self) -> str:
        return f"{PREFIX}{self.name}"

    @property
    def label(self) -> str:
        words = self.name.replace("_", " ").strip()
        return words[:1].upper() + words[1:]

    @property
    def multiline(self) -> bool:
        return self.type in _MULTILINE

    @property
    def is_code(self) -> bool:
        return self.type == "json"

    @property
    def hint(self) -> str:
        return {"json": "JSON", "list": "One item per line, or a JSON list"}.get(self.type, "")

    @property
    def kept(self) -> str:
        """The control that keeps a file while no other is chosen."""
        return f"{KEPT}{self.name}"

    @property
    def file_id(self) -> UUID | None:
        """The file that is given already; None where there is none."""
        try:
            return UUID(file_id_of(_file(str(self.value))) or "")
        except ValueError:
            return None


@dataclass(frozen=True)
class RunForm:
    """The fields, and errors that belong to none of them."""

    fields: Sequence[Field] = ()
    errors: tuple[str, ...] = ()
    session: SessionField | None = None

    @property
    def has_files(self) -> bool:
        return any(entry.type == "file" for entry in self.fields)

    @property
    def has_errors(self) -> bool:
        wrong = bool(self.session and self.session.error)
        return wrong or bool(self.errors) or any(entry.errors for entry in self.fields)

    @property
    def session_id(self) -> str | None:
        return self.session.session_id if self.session else None

    @property
    def count(self) -> int:
        """Controls that it has."""
        return len(self.fields) + bool(self.session)

    def with_errors(self, errors: Sequence[Mapping[str, str]]) -> "RunForm":
        """The same form saying what was wrong; errors are `{path, code, message}`."""
        by_name: dict[str, list[str]] = {}
        for error in errors:
            by_name.setdefault(_field_of(error.get("path", "")), []).append(error["message"])
        fields = [
            replace(entry, errors=(*entry.errors, *by_name.pop(entry.name, ())))
            for entry in self.fields
        ]
        rest = tuple(message for messages in by_name.values() for message in messages)
        return RunForm(fields, (*self.errors, *rest), self.session)


@dataclass(frozen=True)
class Submitted:
    """What was sent: the form as filled in, and the inputs it stands for."""

    form: RunForm
    inputs: dict[str, JSON] = field(default_factory=dict)


def _field_of(path: str) -> str:
    return re.split(r"[.\[]", path.removeprefix("inputs.").removeprefix("inputs"), maxsplit=1)[0]


def empty_form(document: Document, given: Mapping[str, JSON] | None = None) -> RunForm:
    """The form for a document; `given` are inputs to show in it instead of the defaults."""
    return replace(form_for(raw_fields(document), given), session=session_field(document))


def form_for(raw: JSON, given: Mapping[str, JSON] | None = None) -> RunForm:
    """The form for fields as an input node has them; `given` as for `empty_form`."""
    fields = [
        replace(entry, value=_shown(entry, given[entry.name] if given else entry.default))
        if not given or entry.name in given
        else replace(entry, value=_shown(entry, None))
        for entry in _fields(raw)
    ]
    return RunForm(fields)


def raw_fields(document: Document) -> JSON:
    """The fields of a document's input node, as they are written."""
    start = next((node for node in document.nodes if node.type == "input"), None)
    return start.config.get("fields") if start else None


def _fields(raw: JSON) -> list[Field]:
    entries = raw if isinstance(raw, list) else []
    return [
        Field(
            name=str(entry["name"]),
            type=str(entry.get("type", "string")),
            required=bool(entry.get("required", False)),
            default=entry.get("default"),
            description=str(entry.get("description") or ""),
        )
        for entry in entries
        if isinstance(entry, Mapping) and entry.get("name")
    ]


def _shown(entry: Field, value: JSON) -> JSON:
    if entry.type == "boolean":
        return bool(value)
    if value is None or is_reference(value):
        return ""
    if entry.type == "list" and isinstance(value, list):
        if all(isinstance(item, str) and item.strip() and "\n" not in item for item in value):
            return "\n".join(value)
        return json.dumps(value, ensure_ascii=False, indent=2)
    if isinstance(value, str) and entry.type != "json":
        return value
    return json.dumps(value, ensure_ascii=False, indent=2)


def read_form(document: Document, data: QueryDict) -> Submitted:
    """What was sent, as inputs; what cannot be read is an error at its field."""
    submitted = read_fields(raw_fields(document), data)
    form = replace(submitted.form, session=session_field(document, data))
    return replace(submitted, form=form)


def read_fields(raw: JSON, data: QueryDict) -> Submitted:
    """As `read_form`, for fields as an input node has them."""
    fields, inputs = [], {}
    for entry in _fields(raw):
        if entry.type == "boolean":
            inputs[entry.name] = entry.control in data
            fields.append(replace(entry, value=inputs[entry.name]))
            continue
        text = data.get(entry.control, "").replace("\r\n", "\n")
        shown = replace(entry, value=text)
        try:
            if text.strip() or (entry.type in ("string", "text") and entry.default is not None):
                inputs[entry.name] = _value(entry, text)
        except ValueError as error:
            shown = replace(shown, errors=(str(error),))
        fields.append(shown)
    return Submitted(RunForm(fields), inputs)


def _value(entry: Field, text: str) -> JSON:
    if entry.type == "number":
        return _number(text.strip())
    if entry.type == "list" and not text.lstrip().startswith("["):
        return [line.strip() for line in text.split("\n") if line.strip()]
    if entry.type == "file":
        return _file(text)
    if entry.type in ("json", "list"):
        try:
            check_parts(text, WEB)
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"This is no valid JSON: {error}.") from error
        except RecursionError as error:
            raise ValueError("This JSON is nested too deeply.") from error
    return text


def _file(text: str) -> JSON:
    """A file as its JSON says it, or by its id alone."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"file": text.strip()}
    return found if isinstance(found, dict) else {"file": str(found)}


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError("Write a number, for example 3 or 2.5.") from error
    if number in (float("inf"), float("-inf")) or number != number:
        raise ValueError("Write a finite number.")
    return number


def sample_inputs(document: Document) -> dict[str, JSON]:
    """Inputs as an example call shows them."""
    by_type: dict[str, JSON] = {"number": 1, "boolean": True, "json": {}, "list": ["…"]}
    fields = _fields(raw_fields(document))
    return {
        entry.name: entry.default if entry.default is not None else by_type.get(entry.type, "…")
        for entry in fields
        if entry.required or entry.default is not None or len(fields) == 1
    }
