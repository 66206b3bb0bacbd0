"""The tools of an agent as its settings name them, and as a model is told of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from flows.engine.config import NodeConfig, Text, blank_as_none, check_once
from flows.engine.errors import NodeError
from flows.engine.expressions import text_of
from flows.engine.web_call import WebCall

JSON = Any
#: What every provider takes as the name of a tool.
NAME = r"^[A-Za-z0-9_-]{1,60}$"
#: Tools of one agent; models choose badly among more.
MAX_TOOLS = 100
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
#: The types of input fields, as a JSON Schema says them.
_TYPES: dict[str, dict[str, JSON]] = {
    "string": {"type": "string"},
    "text": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "list": {"type": "array", "items": {}},
    "json": {},
    "file": {
        "type": "object",
        "properties": {"file": {"type": "string"}},
        "required": ["file"],
    },
}
_WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")


def _form(title: str, *first: str) -> ConfigDict:
    """What the form calls this kind of tool, and the fields that it shows first."""
    return ConfigDict(title=title, json_schema_extra={"first": list(first)})


class _Tool(NodeConfig):
    approval: bool = Field(
        default=False, title="Approval", description="Whether a person has to approve each call."
    )


class FlowTool(_Tool):
    model_config = _form("Flow", "flow", "description", "inputs", "approval")

    type: Literal["flow"]
    flow: Text = Field(
        title="Flow",
        description="A published flow of this workspace.",
        min_length=1,
        max_length=200,
        json_schema_extra={"widget": "flow"},
    )
    version: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(blank_as_none)] = Field(
        default=None, title="Version", description="Its number; empty: the published one."
    )
    name: str = Field(
        default="",
        title="Name",
        description="What the model calls it; empty: the flow's own.",
        pattern=f"^$|{NAME}",
    )
    description: Text = Field(
        default="",
        title="Description",
        description="What it is good for, told to the model; empty: the flow's own.",
        max_length=4_000,
        json_schema_extra={"widget": "text"},
    )
    inputs: dict[str, Any] = Field(
        default={}, title="Inputs", description="Given always; the model is not asked."
    )


class Parameter(NodeConfig):
    """One argument that the model gives."""

    name: str = Field(title="Name", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}$")
    type: Literal["string", "number", "integer", "boolean", "array", "object"] = Field(
        default="string", title="Type"
    )
    description: Text = Field(default="", title="Description", max_length=2_000)
    required: bool = Field(default=True, title="Required")


class HttpTool(WebCall, _Tool):
    """A request; `{name}` in its address is where that parameter goes, the others go into the
    query, or with a POST, PUT or PATCH into the JSON of the body.
    """

    model_config = _form(
        "HTTP request", "name", "description", "method", "url", "parameters", "approval"
    )

    type: Literal["http"]
    name: str = Field(
        title="Name", description="Letters, digits, _ and -; what the model calls it.", pattern=NAME
    )
    description: Text = Field(
        default="",
        title="Description",
        description="What it is good for, told to the model.",
        max_length=4_000,
        json_schema_extra={"widget": "text"},
    )
    parameters: list[Parameter] = Field(
        default=[],
        title="Parameters",
        description="What the model gives: `{name}` in the address, else in the query or body.",
        max_length=100,
    )

    @model_validator(mode="after")
    def _has_a_place_for_each(self) -> "HttpTool":
        names = [parameter.name for parameter in self.parameters]
        check_once(names, "parameter")
        behind = [name for name in names if f"{{{name}}}" not in self.url]
        if behind and self.method not in _WITHOUT_BODY and not isinstance(self.body, dict | None):
            raise ValueError("the body has to be an object, for the parameters go into it")
        return self

    def called_with(self, arguments: Mapping[str, JSON]) -> WebCall:
        """The request with the model's arguments, which can be nothing but values in it."""
        url, query, body = self.url, dict(self.query), dict(self.body or {})
        into_body = self.method not in _WITHOUT_BODY
        for parameter in self.parameters:
            if parameter.name not in arguments:
                continue
            value = arguments[parameter.name]
            place = f"{{{parameter.name}}}"
            if place in url:
                url = url.replace(place, _segment(parameter.name, value))
            elif into_body:
                body[parameter.name] = value
            else:
                query[parameter.name] = value
        fields = {name: getattr(self, name) for name in WebCall.model_fields}
        sent = body if into_body and (body or self.parameters) else self.body
        return WebCall.model_validate({**fields, "url": url, "query": query, "body": sent})


def _segment(name: str, value: JSON) -> str:
    """A value as a part of a path: it cannot lead out of its place."""
    text = text_of(value)
    if text in ("", ".", ".."):
        raise NodeError("arguments_invalid", f"'{name}' is part of an address; '{text}' is none.")
    return quote(text, safe="")


class McpTools(_Tool):
    """Tools of one server; without names, all that it offers."""

    model_config = _form("MCP server", "credential", "url", "tools", "approval")

    type: Literal["mcp"]
    url: Text = Field(
        default="",
        title="Address",
        description="Of a server that asks for no credential.",
        max_length=2_000,
    )
    credential: Text = Field(
        default="",
        title="Credential",
        description="Of the type MCP server; instead of the address.",
        max_length=200,
        json_schema_extra={"widget": "credential", "types": ["mcp", "oauth2"]},
    )
    tools: list[Text] = Field(
        default=[],
        title="Tools",
        description="Names of those that the model may call; none: all that it offers.",
        max_length=MAX_TOOLS,
    )

    @model_validator(mode="after")
    def _one_server(self) -> "McpTools":
        if bool(self.url) == bool(self.credential):
            raise ValueError("name the server by 'url' or by 'credential', one of the two")
        return self


Tool = Annotated[FlowTool | HttpTool | McpTools, Field(discriminator="type")]


@dataclass(frozen=True)
class Offered:
    """A tool as the model sees it. `of` is its place among the settings; `original` its name at an
    MCP server, or the id of a flow.
    """

    name: str
    description: str
    input_schema: Mapping[str, JSON]
    of: int
    original: str = ""

    def as_dict(self) -> dict[str, JSON]:
        return {
            "name": self.name,
            "description": self.description,
            "input_schema": dict(self.input_schema),
            "of": self.of,
            "original": self.original,
        }


def http_schema(tool: HttpTool) -> dict[str, JSON]:
    """The JSON Schema of the arguments of a request."""
    properties = {
        parameter.name: {
            "type": parameter.type,
            **({"description": parameter.description} if parameter.description else {}),
        }
        for parameter in tool.parameters
    }
    required = [parameter.name for parameter in tool.parameters if parameter.required]
    return _object(properties, required)


def flow_schema(fields: Any, given: Mapping[str, JSON]) -> dict[str, JSON]:
    """The JSON Schema of a flow's inputs, without those that are given always."""
    properties: dict[str, JSON] = {}
    required: list[str] = []
    for field in fields:
        name = str(field.get("name"))
        if name in given:
            continue
        properties[name] = dict(_TYPES.get(str(field.get("type") or "string"), {}))
        if description := field.get("description"):
            properties[name]["description"] = str(description)
        if field.get("required") is True and field.get("default") is None:
            required.append(name)
    return _object(properties, required)


def _object(properties: dict[str, JSON], required: list[str]) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def tool_name(text: str) -> str:
    """A name that every provider takes, made of another's."""
    return _NOT_IN_NAMES.sub("_", text).strip("_")[:60] or "tool"


def may_ask(config: Mapping[str, JSON]) -> bool:
    """Whether an agent with these raw settings may wait for a person or another flow."""
    tools = config.get("tools") or []
    if not isinstance(tools, list):
        return True
    return any(
        # A type that is an expression may turn out to be any.
        not isinstance(tool, dict)
        or tool.get("type") not in ("http", "mcp")
        or bool(tool.get("approval"))
        for tool in tools
    )


def has_approvals(config: Mapping[str, JSON]) -> bool:
    """Whether a person decides on calls of an agent with these raw settings."""
    tools = config.get("tools")
    return isinstance(tools, list) and any(
        isinstance(tool, dict) and bool(tool.get("approval")) for tool in tools
    )


def check_names(offered: list[Offered]) -> None:
    """Raises NodeError where the model could not tell two tools apart, or has too many."""
    if len(offered) > MAX_TOOLS:
        message = f"{len(offered)} tools are too many; choose up to {MAX_TOOLS} of them."
        raise NodeError("config_invalid", message, field="tools")
    names = [tool.name for tool in offered]
    if twice := next((name for name in names if names.count(name) > 1), None):
        message = f"Two tools are called '{twice}'. Give one of them another 'name'."
        raise NodeError("config_invalid", message, field="tools")
