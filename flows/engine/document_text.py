"""Read documents from JSON or YAML text within limits, and write YAML that reads back alike.

YAML is the core of version 1.2: only true/false are booleans, dates stay text. Aliases, tags and
repeated keys are refused, and values are built from the parser's flat events, so that neither
bombs nor deep nesting can cost memory or stack.
"""

import json
import re
from typing import Any, ClassVar

import yaml

from flows.engine.document_values import MAX_DEPTH, MAX_DIGITS, MAX_VALUES, too_deep, too_many
from flows.engine.errors import DocumentInvalid, Problem
from flows.engine.json_parts import WEB, TooManyParts, check_parts

MAX_BYTES = 5_000_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^[-+]?[0-9]+$")
_FLOAT = re.compile(
    r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"
    r"|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$"
)
#: As YAML 1.2 writes them; 1.1 has no `o`.
_OCTAL = re.compile(r"^[-+]?0o[0-7]+$")


def refuse(code: str, message: str) -> DocumentInvalid:
    """The exception for a single problem of the whole document."""
    return DocumentInvalid([Problem(code, message)])


def too_large() -> DocumentInvalid:
    """The exception for a document of more than MAX_BYTES."""
    return refuse("document_too_large", "A document may have 5 MB at most. Split the flow.")


def read_text(source: str | bytes) -> dict[str, Any]:
    """Plain data from JSON or YAML text. Raises DocumentInvalid."""
    if len(source) > MAX_BYTES:
        raise too_large()
    if isinstance(source, bytes):
        try:
            source = source.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refuse("document_encoding", "The document has to be UTF-8 text.") from error
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        message = "The document holds half a character (a lone surrogate). Send UTF-8 text."
        raise refuse("document_encoding", message) from error
    if size > MAX_BYTES:
        raise too_large()
    text = source.removeprefix("\ufeff").lstrip()
    data = _read_json(text) if text[:1] in ("{", "[") and _looks_like_json(text) else None
    if data is None:
        data = read_yaml(source)
    if not isinstance(data, dict):
        raise refuse("document_shape", "A document has to be a mapping with name, nodes and edges.")
    return data


def _looks_like_json(text: str) -> bool:
    # A YAML document may also open with a brace; JSON's next sign is a quote or the end.
    return text[1:2_000].lstrip()[:1] in ('"', "}", "]", "{", "[")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise refuse("duplicate_key", f"The key '{key[:80]}' is there twice; remove one.")
            seen.add(key)
    return result


def _no_constant(name: str) -> Any:
    raise refuse("document_syntax", f"{name} is no JSON number; use null or a number.")


def _read_json(text: str) -> Any:
    try:
        check_parts(text, WEB)
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        message = f"Not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        raise refuse("document_syntax", message) from error
    except RecursionError as error:
        raise too_deep() from error
    except TooManyParts as error:
        raise too_many() from error
    except ValueError as error:  # an integer beyond Python's limit of digits
        raise refuse("document_syntax", "A number in the document is too long.") from error


class _Builder:
    """Builds plain data from YAML events with a stack of its own."""

    def __init__(self) -> None:
        self.result: Any = None
        self.stack: list[tuple[Any, list[Any]]] = []  # container, pending key (0 or 1 items)
        self.documents = 0
        self.values = 0

    def feed(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._at(event, "Anchors and aliases (& and *) are not allowed; write it out")
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self._at(event, "Only one document is allowed; remove what follows '---'")
        elif isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event), event)
        elif isinstance(event, yaml.CollectionStartEvent):
            if event.tag is not None:
                raise self._at(event, f"The tag {event.tag[:40]} is not allowed; remove it")
            if len(self.stack) >= MAX_DEPTH:
                raise too_deep()
            value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._add(value, event)
            self.stack.append((value, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()

    def _add(self, value: Any, event: Any) -> None:
        self.values += 1  # each key is one as well
        if self.values > 2 * MAX_VALUES:
            raise too_many()
        if not self.stack:
            self.result = value
            return
        container, pending = self.stack[-1]
        if isinstance(container, list):
            container.append(value)
        elif not pending:
            pending.append(self._key(value, container, event))
        else:
            container[pending.pop()] = value

    def _key(self, value: Any, container: dict[str, Any], event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._at(event, "A key has to be text")
        key = event.value
        if key in container:
            raise refuse("duplicate_key", f"The key '{key[:80]}' is there twice; remove one.")
        return str(key)

    def _scalar(self, event: Any) -> Any:
        if event.tag not in (None, "!"):
            raise self._at(event, f"The tag {event.tag[:40]} is not allowed; remove it")
        text: str = event.value
        if not event.implicit[0]:
            return text
        if _NULL.match(text):
            return None
        if _BOOL.match(text):
            return text.lower() == "true"
        if _INT.match(text):
            if len(text.lstrip("+-")) > MAX_DIGITS:
                raise self._at(event, "A number has too many digits; put it in quotes")
            return int(text)
        if _FLOAT.match(text):
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text

    @staticmethod
    def _at(event: Any, message: str) -> DocumentInvalid:
        line = event.start_mark.line + 1
        return refuse("document_syntax", f"{message} (line {line}).")


def read_yaml(text: str) -> Any:
    """Plain data of a YAML text without anchors and tags. Raises DocumentInvalid."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        message = f"Not valid YAML: {error.problem or error.context}{place}."
        raise refuse("document_syntax", message) from error
    except yaml.YAMLError as error:
        raise refuse("document_syntax", f"Not valid YAML: {str(error)[:200]}.") from error
    return builder.result


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Quotes the texts that would read as something else, here or with readers of YAML 1.1.

    Not y and n, which hardly any reader takes for booleans: `y` is a key of every layout.
    """

    yaml_implicit_resolvers: ClassVar[dict[str | None, Any]] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _pattern, _tag, _first in (
    (_NULL, "null", ["~", "n", "N", ""]),
    (_BOOL, "bool", list("tTfF")),
    (_INT, "int", list("-+0123456789")),
    (_FLOAT, "float", list("-+.0123456789")),
    (_OCTAL, "int", list("-+0")),
):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)
for _character, _older in yaml.resolver.Resolver.yaml_implicit_resolvers.items():
    _Dumper.yaml_implicit_resolvers.setdefault(_character, []).extend(_older)


def _write_text(dumper: Any, text: str) -> Any:
    # A block keeps lines apart in diffs; only for texts that a block can hold unchanged.
    plain = all(c == "\n" or (c.isprintable() and c not in "\ufeff") for c in text)
    block = "\n" in text and plain and text[0] not in " \n" and " \n" not in text
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


def _write_float(dumper: Any, value: float) -> Any:
    text = repr(value)
    if "." not in text:
        # Readers of YAML 1.1 take 1e-05 for text.
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(str, _write_text)
_Dumper.add_representer(float, _write_float)


def write_yaml(data: dict[str, Any]) -> str:
    """YAML text of plain data, keys in the order given."""
    text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2)
    return str(text)
