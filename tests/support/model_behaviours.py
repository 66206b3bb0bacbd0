"""How the scripted model server behaves, chosen by markers in the model's name or the prompt.

A model's name is markers joined by `+` (`slow-500ms+tokens-20x5ms`); a prompt holds them in
double brackets (`[[error-500]]`); `[[call-a+call-b]] [[call-c]]` are two turns of calls of tools.
A name without markers (`claude-haiku-5-5`) echoes.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

REFUSAL = "I can't help with that."
SIZE_PIECE = 16_384


@dataclass(frozen=True)
class Behaviour:
    """One way to answer. Times are milliseconds, sizes are bytes."""

    text: str | None = None
    delay_ms: float = 0
    tokens: int = 0
    gap_ms: float = 0
    size: int = 0
    error: int = 0
    retry_after: float | None = None
    #: So many calls of a conversation fail with 503, or are asked to come back (429).
    flaky: int = 0
    busy: int = 0
    disconnect: bool = False
    cut: bool = False
    malformed: bool = False
    stream_error: bool = False
    refusal: bool = False
    filter: bool = False
    length: bool = False
    context: bool = False
    too_long: bool = False
    json: bool = False
    hang: bool = False
    #: Says nothing more after its first piece.
    stall: bool = False
    cached: int = 0
    cache_written: int = 0
    #: Names of the tools that are called in turn; those of one turn at the same time.
    turns: tuple[tuple[str, ...], ...] = ()


_FLAGS = {
    field.name.replace("_", "-"): field.name for field in fields(Behaviour) if field.type is bool
}
_UNITS = {"b": 1, "kb": 1_000, "mb": 1_000_000}


def _number(field: str) -> Callable[[re.Match[str]], dict[str, Any]]:
    return lambda match: {field: int(match[1])}


_PATTERNS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, Any]]]] = [
    (re.compile(r"echo"), lambda _: {}),
    (re.compile(r"say-(.+)"), lambda m: {"text": m[1].replace("_", " ")}),
    (re.compile(r"slow-(\d+)ms"), _number("delay_ms")),
    (
        re.compile(r"tokens-(\d+)(?:x(\d+)ms)?"),
        lambda m: {"tokens": int(m[1]), "gap_ms": int(m[2] or 0)},
    ),
    (re.compile(r"size-(\d+)(b|kb|mb)"), lambda m: {"size": int(m[1]) * _UNITS[m[2]]}),
    (
        re.compile(r"error-(\d{3})(?:-retry-(\d+))?"),
        lambda m: {"error": int(m[1]), "retry_after": float(m[2]) if m[2] else None},
    ),
    (re.compile(r"flaky-(\d+)"), _number("flaky")),
    (re.compile(r"busy-(\d+)"), _number("busy")),
    (re.compile(r"cached-(\d+)"), _number("cached")),
    (re.compile(r"cache-written-(\d+)"), _number("cache_written")),
    (re.compile("|".join(_FLAGS)), lambda m: {_FLAGS[m[0]]: True}),
]
_CALL = re.compile(r"call-([A-Za-z0-9_]+)")
_IN_PROMPT = re.compile(r"\[\[([A-Za-z0-9_+-]+)\]\]")


def behave(markers: str, base: Behaviour | None = None) -> Behaviour:
    """The behaviour that these markers (joined by `+`) name, on top of `base`."""
    behaviour = base or Behaviour()
    for marker in markers.split("+"):
        for pattern, read in _PATTERNS:
            if match := pattern.fullmatch(marker):
                behaviour = replace(behaviour, **read(match))
                break
    return behaviour


def behaviour_of(model: str, prompt: str) -> Behaviour:
    """What the model's name and the prompt's markers ask for."""
    behaviour = behave(model)
    turns: list[tuple[str, ...]] = []
    if "[[" in prompt:
        for markers in _IN_PROMPT.findall(prompt):
            behaviour = behave(markers, behaviour)
            if called := tuple(_CALL.findall(markers)):
                turns.append(called)
    return replace(behaviour, turns=tuple(turns))


def count_tokens(text: str) -> int:
    """Input tokens as this server counts them: words."""
    return len(text.split())


def pieces(behaviour: Behaviour, asked: str, schema: dict[str, Any] | None) -> Iterator[str]:
    """The answer in the pieces it is streamed in; each counts as one output token."""
    if behaviour.refusal:
        return iter(words(REFUSAL))
    if behaviour.tokens:
        return (f"t{index} " for index in range(behaviour.tokens))
    if behaviour.size:
        return _filling(behaviour.size)
    if behaviour.text is not None:
        return iter(words(behaviour.text))
    if behaviour.json or schema is not None:
        return iter(words(json.dumps(sample(schema or {"type": "object"}))))
    return iter(words(asked))


def words(text: str) -> list[str]:
    """Text cut into words that keep the white space after them."""
    return re.findall(r"\s*\S+\s*|\s+", text)


def _filling(size: int) -> Iterator[str]:
    piece = ("abcdefghijklmno " * (SIZE_PIECE // 16))[:SIZE_PIECE]
    for start in range(0, size, SIZE_PIECE):
        yield piece[: size - start]


def sample(schema: dict[str, Any], root: dict[str, Any] | None = None) -> Any:
    """The simplest value that satisfies a JSON Schema of the usual kinds."""
    root = root if root is not None else schema
    if reference := schema.get("$ref"):
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        return sample(target, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            return sample(schema[word][0], root)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sample(part, root) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        count = max(1, schema.get("minItems", 1))
        return [sample(schema.get("items", {"type": "string"}), root)] * count
    return _scalar(kind, schema)


def _scalar(kind: str, schema: dict[str, Any]) -> Any:
    if kind == "string":
        return "text".ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength", 1_000_000)]
    if kind in ("integer", "number"):
        return schema.get("minimum", min(1, schema.get("maximum", 1)))
    return {"boolean": True, "null": None}.get(kind)
