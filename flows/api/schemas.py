"""The flows app's objects in the OpenAPI document, with examples."""

from typing import Any

from flows.models import ShareLevel, Visibility
from flows.sharing import MOST
from fluxprompt.api.openapi import component

_ID = {"type": "string", "format": "uuid"}
_TIME = {"type": "string", "format": "date-time"}

PROBLEM_EXAMPLE = {
    "code": "unknown_reference",
    "severity": "error",
    "node": "answer",
    "path": "prompt",
    "message": "There is no node 'tiket'. Did you mean 'ticket'?",
}
DOCUMENT_PROBLEM = component(
    "DocumentProblem",
    {
        "type": "object",
        "required": ["code", "severity", "node", "path", "message"],
        "properties": {
            "code": {"type": "string"},
            "severity": {"enum": ["error", "warning"]},
            "node": {"type": ["string", "null"]},
            "path": {"type": ["string", "null"], "description": "Place in the node's config."},
            "message": {"type": "string"},
        },
        "examples": [PROBLEM_EXAMPLE],
    },
)
DOCUMENT_EXAMPLE: dict[str, Any] = {
    "schema": "fluxprompt.flow/v1",
    "name": "Greeting",
    "nodes": [
        {
            "id": "start",
            "type": "input",
            "config": {"fields": [{"name": "name", "type": "string"}]},
        },
        {"id": "result", "type": "output", "config": {"value": "Hello {{ start.name }}"}},
    ],
    "edges": [{"from": "start", "to": "result"}],
}
DOCUMENT = component(
    "FlowDocument",
    {
        "type": "object",
        "description": "A flow as a document, schema `fluxprompt.flow/v1`.",
        "required": ["schema", "name", "nodes"],
        "properties": {
            "schema": {"const": "fluxprompt.flow/v1"},
            "name": {"type": "string", "maxLength": 200},
            "description": {"type": "string"},
            "settings": {"type": "object"},
            "nodes": {
                "type": "array",
                "maxItems": 2000,
                "items": {
                    "type": "object",
                    "required": ["id", "type"],
                    "properties": {
                        "id": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"},
                        "type": {"type": "string"},
                        "label": {"type": "string"},
                        "config": {"type": "object"},
                        "retry": {"type": "object"},
                        "timeout_seconds": {"type": "number"},
                        "on_error": {"enum": ["stop", "continue", "branch"]},
                        "parent": {"type": "string"},
                        "disabled": {
                            "type": "boolean",
                            "description": "Not run; the flow goes on behind it by its first port.",
                        },
                    },
                },
            },
            "edges": {
                "type": "array",
                "maxItems": 10000,
                "items": {
                    "type": "object",
                    "required": ["from", "to"],
                    "properties": {
                        "from": {"type": "string", "description": "`node` or `node.port`"},
                        "to": {"type": "string"},
                    },
                },
            },
            "layout": {
                "type": "object",
                "description": "node → its place in pixels; means nothing to a run.",
                "additionalProperties": {
                    "type": "object",
                    "required": ["x", "y"],
                    "properties": {
                        "x": {"type": "number"},
                        "y": {"type": "number"},
                        "width": {"type": "number", "minimum": 60, "maximum": 4000},
                        "height": {"type": "number", "minimum": 60, "maximum": 4000},
                    },
                    "additionalProperties": False,
                },
            },
        },
        "examples": [DOCUMENT_EXAMPLE],
    },
)
VISIBILITY = {
    "enum": list(Visibility.values),
    "description": "`private`: seen by its maker, owners, admins and those it is shared with.",
}
FLOW_EXAMPLE = {
    "id": "0192f3a4-6c1e-7b2a-9d55-3f1f0c9b7a10",
    "slug": "greeting",
    "name": "Greeting",
    "description": "",
    "folder": "Clients/Acme",
    "tags": ["live"],
    "visibility": "workspace",
    "revision": 1,
    "published_version": None,
    "created_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:00:00Z",
}
_FLOW_PROPERTIES: dict[str, Any] = {
    "id": _ID,
    "slug": {"type": "string"},
    "name": {"type": "string"},
    "description": {"type": "string"},
    "folder": {
        "type": ["string", "null"],
        "description": "Path of the folder that it is in, such as `Clients/Acme`.",
    },
    "tags": {"type": "array", "items": {"type": "string"}},
    "visibility": VISIBILITY,
    "revision": {"type": "integer", "description": "Counts the changes of the draft."},
    "published_version": {"type": ["integer", "null"]},
    "created_at": _TIME,
    "updated_at": _TIME,
}
FLOW = component(
    "Flow",
    {"type": "object", "required": list(_FLOW_PROPERTIES), "properties": _FLOW_PROPERTIES},
)
_SHARE_EXAMPLE = {
    "user": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e84",
    "email": "grace@example.com",
    "level": "run",
}
_LEVEL = {"enum": list(ShareLevel.values)}
_SHARES = {
    "type": "array",
    "description": "Whom it is shared with, and what they may do.",
    "items": {
        "type": "object",
        "required": list(_SHARE_EXAMPLE),
        "properties": {"user": _ID, "email": {"type": "string"}, "level": _LEVEL},
    },
}
SHARES_ASKED = {
    "type": "array",
    "maxItems": MOST,
    "items": {
        "type": "object",
        "required": ["level"],
        "properties": {"user": _ID, "email": {"type": "string"}, "level": _LEVEL},
        "additionalProperties": False,
    },
}
SHARED_FLOW_EXAMPLE = {**FLOW_EXAMPLE, "shares": [_SHARE_EXAMPLE]}
SHARED_FLOW = component(
    "SharedFlow",
    {
        "type": "object",
        "required": [*_FLOW_PROPERTIES, "shares"],
        "properties": {**_FLOW_PROPERTIES, "shares": _SHARES},
    },
)
FLOW_DETAIL = component(
    "FlowDetail",
    {
        "type": "object",
        "required": [*_FLOW_PROPERTIES, "shares", "problems"],
        "properties": {
            **_FLOW_PROPERTIES,
            "shares": _SHARES,
            "problems": {"type": "array", "items": DOCUMENT_PROBLEM},
        },
    },
)
FLOW_DETAIL_EXAMPLE = {**SHARED_FLOW_EXAMPLE, "problems": []}
VERSION_EXAMPLE = {
    "number": 1,
    "digest": "9f2c5d0e…",
    "note": "First",
    "created_at": "2026-11-23T09:05:00Z",
}
_VERSION_PROPERTIES: dict[str, Any] = {
    "number": {"type": "integer"},
    "digest": {"type": "string", "description": "SHA-256 of the document without its layout."},
    "note": {"type": "string"},
    "created_at": _TIME,
}
VERSION = component(
    "FlowVersion",
    {"type": "object", "required": list(_VERSION_PROPERTIES), "properties": _VERSION_PROPERTIES},
)
VERSION_DETAIL = component(
    "FlowVersionDetail",
    {
        "type": "object",
        "required": [*_VERSION_PROPERTIES, "document"],
        "properties": {**_VERSION_PROPERTIES, "document": DOCUMENT},
    },
)
_STRINGS = {"type": "array", "items": {"type": "string"}}
_EDGES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"from": {"type": "string"}, "to": {"type": "string"}},
    },
}
DIFF_EXAMPLE = {
    "from": "1",
    "to": "2",
    "nodes": {"added": ["check"], "removed": [], "changed": [{"id": "ask", "paths": ["config"]}]},
    "edges": {"added": [{"from": "ask", "to": "check"}], "removed": []},
    "flow": ["name"],
    "text": "--- 1\n+++ 2\n@@ …",
}
DIFF = component(
    "FlowDiff",
    {
        "type": "object",
        "required": ["from", "to", "nodes", "edges", "flow", "text"],
        "properties": {
            "from": {"type": "string"},
            "to": {"type": "string"},
            "nodes": {
                "type": "object",
                "properties": {
                    "added": _STRINGS,
                    "removed": _STRINGS,
                    "changed": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"id": {"type": "string"}, "paths": _STRINGS},
                        },
                    },
                },
            },
            "edges": {"type": "object", "properties": {"added": _EDGES, "removed": _EDGES}},
            "flow": {**_STRINGS, "description": "Paths outside nodes and edges that differ."},
            "text": {"type": "string", "description": "Unified diff of the canonical YAML."},
        },
    },
)
NODE_TYPE = component(
    "NodeType",
    {
        "type": "object",
        "required": ["type", "title", "summary", "category", "config", "ports", "outputs"],
        "properties": {
            "type": {"type": "string"},
            "version": {"type": "integer"},
            "title": {"type": "string"},
            "summary": {"type": "string"},
            "category": {"type": "string"},
            "icon": {"type": "string", "description": "Name of a Lucide icon."},
            "runs": {"type": "boolean"},
            "streams": {"type": "boolean"},
            "config": {"type": "object", "description": "JSON Schema of the node's config."},
            "ports": _STRINGS,
            "ports_follow_config": {"type": "boolean"},
            "outputs": {"type": "object", "description": "Field of the output → its type."},
            "timeout_seconds": {"type": "number"},
            "retry": {"type": "object"},
            "help": {"type": "string", "description": "Markdown."},
        },
    },
)
CREATE = component(
    "FlowCreate",
    {
        "type": "object",
        "description": "A name, a document, or both (then the name wins).",
        "properties": {
            "name": {"type": "string", "maxLength": 200},
            "document": {
                "description": "The document, as an object or as JSON or YAML text.",
                "oneOf": [DOCUMENT, {"type": "string"}],
            },
        },
        "additionalProperties": False,
    },
)
