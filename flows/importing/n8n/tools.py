"""Tools that are connected with an agent of n8n, as the tools of an agent here."""

import json
import re
from collections.abc import Callable
from typing import Any

from flows.importing.code import Untranslatable
from flows.importing.n8n import http
from flows.importing.n8n.parts import inside, parts_of, took
from flows.importing.n8n.reading import short
from flows.importing.naming import slug, tool_name
from flows.importing.source import SourceNode, listing, mapping, mappings, words
from flows.importing.steps import Step

JSON = Any
_QUOTED = r"(?:'[^']{0,200}'|\"[^\"]{0,200}\"|`[^`]{0,2000}`)"
#: `$fromAI('name', 'what it is', 'type')`: a value that the model gives.
_CALL = (
    rf"\$fromAI\(\s*+({_QUOTED})\s*+(?:,\s*+({_QUOTED}))?+"
    rf"\s*+(?:,\s*+({_QUOTED}))?+[^()]{{0,200}}+\)"
)
_FROM_AI = re.compile(r"\{\{\s*+(?:/\*[^*]{0,100}\*/)?+\s*+" + _CALL + r"\s*+\}\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]{0,63})\}")
_TYPES = {
    "string": "string", "number": "number", "boolean": "boolean", "json": "object",
    "object": "object", "array": "array", "integer": "integer", "not specified": "string",
}  # fmt: skip
_WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")


def tools_of(step: Step) -> list[dict[str, JSON]]:
    """The tools of an agent; those that have no like here are told."""
    made: list[dict[str, JSON]] = []
    left: list[str] = []
    for part in parts_of(step.draft, step.source.id, "ai_tool"):
        make = TOOLS.get(short(part.type))
        inner = inside(step, part)
        try:
            if make is None:
                raise Untranslatable("there is no such tool here")
            made.append(make(inner, part))
        except Untranslatable:
            left.append(part.name[:60])
            continue
        took(step, part, inner)
    if left:
        step.changed(f"Left out of its tools: {', '.join(left)[:400]}.")
    return made


def _named(inner: Step, part: SourceNode, about: JSON) -> dict[str, JSON]:
    made: dict[str, JSON] = {"name": tool_name(words(part.config.get("name")) or part.name)}
    if text := inner.text(about)[:4_000]:
        made["description"] = text
    return made


def _flow(inner: Step, part: SourceNode) -> dict[str, JSON]:
    """Another workflow. What is set in the file is given always, the rest by the model."""
    config = part.config
    if config.get("source") == "parameter":
        raise Untranslatable("the workflow stands within the tool")
    chosen = config.get("workflowId")
    named = mapping(chosen)
    name = words(named.get("cachedResultName")) or words(named.get("value")) or words(chosen)
    inner.changed(f"Import the workflow '{name[:80]}' too, and choose it as the tool's flow.")
    made = {"type": "flow", "flow": slug(name, "flow")}
    made |= _named(inner, part, config.get("description"))
    given = mapping(mapping(config.get("workflowInputs")).get("value"))
    rows = mappings(mapping(config.get("fields")).get("values"))
    given |= {words(raw.get("name")): _value(raw) for raw in rows}
    fixed = {key: inner.value(value) for key, value in given.items() if not _asks(value)}
    fixed = {key: value for key, value in fixed.items() if value not in ("", None)}
    return {**made, "inputs": fixed} if fixed else made


def _value(raw: dict[str, JSON]) -> JSON:
    return next((raw[key] for key in raw if key.endswith("Value")), None)


def _asks(value: JSON) -> re.Match[str] | None:
    """The call of `$fromAI`, where a value is nothing else."""
    if not isinstance(value, str) or len(value) > 4_000:
        return None
    return _FROM_AI.fullmatch(value.removeprefix("=").strip())


def _parameter(name: str, found: re.Match[str]) -> dict[str, JSON]:
    about, kind = (found[at][1:-1] if found[at] else "" for at in (2, 3))
    made: dict[str, JSON] = {"name": name, "type": _TYPES.get(kind, "string")}
    return {**made, "description": about} if about else made


def _request(inner: Step, part: SourceNode) -> dict[str, JSON]:
    """The HTTP request as a tool: what `$fromAI` stands for are its parameters."""
    config = dict(part.config)
    parameters: list[dict[str, JSON]] = []
    config["url"] = _FROM_AI.sub(
        lambda found: _in_address(found, parameters), words(config.get("url"))[:8_000]
    )
    for key in ("queryParameters", "bodyParameters"):
        rows = mappings(mapping(config.get(key)).get("parameters"))
        kept = [raw for raw in rows if not _moved(raw, parameters)]
        if len(kept) < len(rows):
            config[key] = {"parameters": kept}
            _tell_place(inner, key, config)
    if isinstance(config.get("jsonBody"), str):
        config["jsonBody"] = _json_body(config["jsonBody"], parameters)
    inner.config = config
    made = {"type": "http", **_named(inner, part, config.get("toolDescription"))}
    made |= http.settings(inner)
    return {**made, "parameters": _once(parameters)}


def _in_address(found: re.Match[str], parameters: list[dict[str, JSON]]) -> str:
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", found[1][1:-1])[:64]
    if not _NAME.fullmatch(name):
        return found[0]
    parameters.append(_parameter(name, found))
    return f"{{{name}}}"


def _moved(raw: dict[str, JSON], parameters: list[dict[str, JSON]]) -> bool:
    """Whether a field is given by the model."""
    name, found = words(raw.get("name")), _asks(raw.get("value"))
    if found is None or not _NAME.fullmatch(name):
        return False
    parameters.append(_parameter(name, found))
    return True


def _tell_place(inner: Step, key: str, config: dict[str, JSON]) -> None:
    has_body = words(config.get("method"), "GET").upper() not in _WITHOUT_BODY
    if has_body != (key == "bodyParameters"):
        place = "body" if has_body else "query"
        inner.changed(f"What the model gives goes into the {place} of this request here.")


def _json_body(text: str, parameters: list[dict[str, JSON]]) -> str:
    """A body without the fields that the model gives; as it is where they are deeper inside."""
    marks: dict[str, re.Match[str]] = {}

    def mark(found: re.Match[str]) -> str:
        name = f"@from-ai-{len(marks)}"
        marks[name] = found
        return json.dumps(name)

    quoted = re.compile(rf'"?{_FROM_AI.pattern}"?')
    try:
        body = json.loads(quoted.sub(mark, text[:100_000].removeprefix("=")))
    except (ValueError, RecursionError):
        return text
    if not isinstance(body, dict):
        return text
    moved = {key: marks[v] for key, v in body.items() if isinstance(v, str) and v in marks}
    kept = {key: value for key, value in body.items() if key not in moved}
    if any(name in json.dumps(kept) for name in marks) or not all(map(_NAME.fullmatch, moved)):
        return text
    parameters += [_parameter(key, found) for key, found in moved.items()]
    return f"={json.dumps(kept, ensure_ascii=False)}"


def _once(parameters: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
    return list({one["name"]: one for one in parameters}.values())


def _older_request(inner: Step, part: SourceNode) -> dict[str, JSON]:
    """The request that is a tool only: `{name}` in its address, and fields of the model."""
    config = part.config
    method = words(config.get("method"), "GET").upper()
    made: dict[str, JSON] = {"type": "http", **_named(inner, part, config.get("toolDescription"))}
    made |= {"method": method, "url": inner.text(config.get("url"))}
    defined = mappings(mapping(config.get("placeholderDefinitions")).get("values"))
    about = {words(raw.get("name")): raw for raw in defined}
    names = list(_PLACE.findall(words(config.get("url"))))
    optional: set[str] = set()
    for what, ours in (("Query", "query"), ("Headers", "headers"), ("Body", "body")):
        if config.get(f"send{what}") is not True:
            continue
        if words(config.get(f"specify{what}"), "keypair") != "keypair":
            inner.changed(f"The {ours} that the model writes as a whole was left out.")
            continue
        fixed = _fixed(inner, config.get(f"parameters{what}"), names, optional)
        if fixed:
            made[ours] = fixed
        if (
            ours == "query"
            and method not in _WITHOUT_BODY
            and len(fixed) < len(mappings(mapping(config.get("parametersQuery")).get("values")))
        ):
            inner.changed("What the model gives goes into the body of this request here.")
    made["parameters"] = _once(
        [_defined(name, about.get(name, {}), name not in optional) for name in names]
    )
    return made | http.authorized(inner)


def _fixed(inner: Step, form: JSON, names: list[str], optional: set[str]) -> dict[str, JSON]:
    """The fields with a value in the file; the names of the others are the model's."""
    made: dict[str, JSON] = {}
    for raw in mappings(mapping(form).get("values")):
        name, how = words(raw.get("name")), words(raw.get("valueProvider"), "modelRequired")
        value = words(raw.get("value"))
        if how != "fieldValue" or _PLACE.fullmatch(value):
            names.append(name)
            optional.update([name] if how == "modelOptional" else [])
            continue
        if _PLACE.search(value):
            inner.changed(f"Write '{name[:60]}' again: a parameter stands only in the address.")
        made[name] = inner.text(value)
    return made


def _defined(name: str, about: dict[str, JSON], required: bool) -> dict[str, JSON]:
    kind = _TYPES.get(words(about.get("type")), "string")
    made: dict[str, JSON] = {"name": name, "type": kind}
    if text := words(about.get("description")):
        made["description"] = text[:2_000]
    return made if required else {**made, "required": False}


def _server(inner: Step, part: SourceNode) -> dict[str, JSON]:
    """A server of MCP."""
    config = part.config
    address = words(config.get("endpointUrl") or config.get("sseEndpoint"))
    if not address.removeprefix("=").strip():
        raise Untranslatable("the server has no address")
    made: dict[str, JSON] = {"type": "mcp", "url": inner.text(address)}
    if words(config.get("serverTransport")) == "sse" or "sseEndpoint" in config:
        inner.changed("It was reached by SSE: give its address for plain (streamable) HTTP.")
    if config.get("authentication", "none") not in ("none", "", None):
        inner.changed(
            "Store the server with its token as a credential, and name it in 'credential' instead "
            "of 'url'."
        )
    included = [words(name) for name in listing(config.get("includeTools")) if words(name)]
    if config.get("include") == "selected" and included:
        made["tools"] = included
    elif config.get("include") == "except":
        inner.changed("Tools were excluded there: name those that may be called in 'tools'.")
    return made


TOOLS: dict[str, Callable[[Step, SourceNode], dict[str, JSON]]] = {
    "toolWorkflow": _flow,
    "toolHttpRequest": _older_request,
    "httpRequestTool": _request,
    "mcpClientTool": _server,
}
