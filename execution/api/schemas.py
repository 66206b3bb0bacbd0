"""Runs, their nodes and events in the OpenAPI document, with examples."""

from typing import Any

from execution.models import NodeStatus, RunStatus
from execution.queue_reasons import Reason
from fluxprompt.api.openapi import component

_ID = {"type": "string", "format": "uuid"}
_TIME = {"type": ["string", "null"], "format": "date-time"}
_OBJECT = {"type": ["object", "null"]}
USAGE: dict[str, Any] = component(
    "Usage",
    {
        "type": ["object", "null"],
        "properties": {
            "input_tokens": {"type": "integer"},
            "output_tokens": {"type": "integer"},
            "cost": {"type": "string", "description": "A decimal number."},
            "currency": {"type": "string"},
        },
    },
)
ERROR = component(
    "RunError",
    {
        "type": ["object", "null"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "node": {"type": ["string", "null"]},
            "label": {"type": "string", "description": "The node's, where it has one."},
            "path": {"type": "array", "description": 'The iteration: `["rows", 3]`.', "items": {}},
            "attempt": {"type": "integer", "description": "Rate limits and lost workers aside."},
            "max_attempts": {"type": "integer"},
            "field": {"type": "string", "description": "The setting of the node at fault."},
            "details": {"type": "object", "additionalProperties": True},
        },
    },
)
QUEUE = component(
    "RunQueue",
    {
        "type": ["object", "null"],
        "description": "Why a queued run waits; null once it has started.",
        "required": ["reason", "message", "limit", "running", "ahead"],
        "properties": {
            "reason": {"enum": [str(reason) for reason in Reason]},
            "message": {"type": "string"},
            "limit": {"type": ["integer", "null"], "description": "Runs at work at once."},
            "running": {"type": ["integer", "null"], "description": "Runs at work now."},
            "ahead": {"type": "integer", "description": "Runs that start before it."},
        },
    },
)
RUN_EXAMPLE = {
    "id": "0192f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f",
    "flow": "0192f3a4-6c1e-7b2a-9d55-3f1f0c9b7a10",
    "version": 1,
    "status": "succeeded",
    "priority": 3,
    "queue": None,
    "execution": "durable",
    "trigger": "api",
    "inputs": {"name": "Ada"},
    "outputs": {"result": "Hello Ada"},
    "error": None,
    "created_at": "2026-11-23T09:10:00.000000Z",
    "started_at": "2026-11-23T09:10:00.012000Z",
    "finished_at": "2026-11-23T09:10:00.041000Z",
    "duration_ms": 29,
    "usage": {"input_tokens": 0, "output_tokens": 0, "cost": "0", "currency": "USD"},
    "session_id": None,
    "rerun_of": None,
    "parent": None,
}
RERUN_EXAMPLE = {
    **RUN_EXAMPLE,
    "id": "0192f3a6-02bb-7d4e-9f60-6b7c8d9e0f1a",
    "status": "queued",
    "trigger": "rerun",
    "outputs": None,
    "started_at": None,
    "finished_at": None,
    "duration_ms": None,
    "rerun_of": RUN_EXAMPLE["id"],
}
PARENT = component(
    "RunParent",
    {
        "type": ["object", "null"],
        "description": "The run and the step whose sub-flow it is.",
        "required": ["run", "node", "path"],
        "properties": {
            "run": _ID,
            "node": {"type": "string"},
            "path": {"type": "array", "description": 'The iteration: `["rows", 3]`.', "items": {}},
        },
    },
)
RUN = component(
    "Run",
    {
        "type": "object",
        "required": list(RUN_EXAMPLE),
        "properties": {
            "id": _ID,
            "flow": _ID,
            "version": {
                "type": ["integer", "string", "null"],
                "description": "The published version it ran, or `draft`.",
            },
            "status": {"enum": [str(status) for status in RunStatus.values]},
            "priority": {"type": "integer", "minimum": 1, "maximum": 5},
            "queue": QUEUE,
            "execution": {"enum": ["durable", "inline"]},
            "trigger": {"type": "string"},
            "inputs": _OBJECT,
            "outputs": {**_OBJECT, "description": "`{node id: value}` of the output nodes."},
            "error": ERROR,
            "created_at": _TIME,
            "started_at": _TIME,
            "finished_at": _TIME,
            "duration_ms": {"type": ["integer", "null"]},
            "usage": USAGE,
            "session_id": {"type": ["string", "null"]},
            "rerun_of": {"type": ["string", "null"], "description": "The run that it repeats."},
            "parent": PARENT,
        },
    },
)
_VERSION: dict[str, Any] = {
    "oneOf": [{"enum": ["published", "draft"]}, {"type": "integer", "minimum": 1}]
}
RUN_CREATE = component(
    "RunCreate",
    {
        "type": "object",
        "properties": {
            "inputs": {"type": "object", "description": "By the names of the input fields."},
            "session_id": {"type": ["string", "null"], "maxLength": 200},
            "priority": {
                "type": ["integer", "null"],
                "minimum": 1,
                "maximum": 5,
                "description": "1 starts first; else 3.",
            },
            "version": {**_VERSION, "description": "Else `published`."},
            "until": {
                "type": ["string", "null"],
                "maxLength": 63,
                "description": "Run this node and what leads to it, nothing else.",
            },
            "only": {
                "type": ["string", "null"],
                "maxLength": 63,
                "description": "Run this node alone; what it reads comes from `given`.",
            },
            "given": {
                "type": ["object", "null"],
                "description": "Outputs of nodes that stand for what these would give; null: as if "
                "the node were disabled.",
                "additionalProperties": {"type": ["object", "null"]},
            },
        },
        "additionalProperties": False,
    },
)
RERUN = component(
    "RunRerun",
    {
        "type": "object",
        "properties": {
            "from": {
                "type": ["string", "null"],
                "maxLength": 63,
                "description": "The node to run again. Else: where it failed or was cut off.",
            },
            "inputs": {"type": ["object", "null"], "description": "Instead of those of the run."},
            "version": {
                "description": "Instead of what the run ran.",
                "oneOf": [*_VERSION["oneOf"], {"type": "null"}],
            },
            "only_failed": {
                "type": ["boolean", "null"],
                "description": "Keep what succeeded inside the map or loop in `from`.",
            },
        },
        "additionalProperties": False,
    },
)
NODE_RUN_EXAMPLE: dict[str, Any] = {
    "node": "result",
    "path": [],
    "attempt": 1,
    "status": "succeeded",
    "input": {"value": "Hello Ada"},
    "output": {"value": "Hello Ada"},
    "error": None,
    "started_at": "2026-11-23T09:10:00.030000Z",
    "finished_at": "2026-11-23T09:10:00.030000Z",
    "usage": None,
    "reused": False,
}
NODE_RUN = component(
    "NodeRun",
    {
        "type": "object",
        "required": list(NODE_RUN_EXAMPLE),
        "properties": {
            "node": {"type": "string"},
            "path": {"type": "array", "description": 'The iteration: `["rows", 3]`.', "items": {}},
            "attempt": {"type": "integer"},
            "status": {"enum": [str(status) for status in NodeStatus.values]},
            "input": {},
            "output": {},
            "error": ERROR,
            "started_at": _TIME,
            "finished_at": _TIME,
            "usage": USAGE,
            "reused": {"type": "boolean"},
        },
    },
)
EVENT_EXAMPLE = {
    "seq": 1,
    "at": "2026-11-23T09:10:00.000000Z",
    "type": "run.queued",
    "trigger": "api",
}
EVENT = component(
    "RunEvent",
    {
        "type": "object",
        "required": ["seq", "at", "type"],
        "properties": {
            "seq": {
                "type": "integer",
                "description": "Rises within a run, with gaps.",
            },
            "at": {"type": "string", "format": "date-time"},
            "type": {
                "enum": [
                    "run.queued",
                    "run.started",
                    "run.waiting",
                    "run.paused",
                    "run.resumed",
                    "run.finished",
                    "node.started",
                    "node.delta",
                    "node.retrying",
                    "node.finished",
                    "node.skipped",
                ]
            },
            "node": {"type": "string"},
            "path": {"type": "array", "items": {}},
        },
        "additionalProperties": True,
    },
)
