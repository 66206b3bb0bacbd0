"""Approvals in the OpenAPI document, with examples."""

from typing import Any

from execution.approval_models import ApprovalState, Decision, OnTimeout
from fluxprompt.api.openapi import component

_ID = {"type": "string", "format": "uuid"}
_TIME = {"type": ["string", "null"], "format": "date-time"}
_PATH = {"type": "array", "description": 'The iteration: `["rows", 3]`.', "items": {}}
APPROVAL_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e6f",
    "run": "0192f3a5-11aa-7c3d-8e4f-5a6b7c8d9e0f",
    "flow": "0192f3a4-6c1e-7b2a-9d55-3f1f0c9b7a10",
    "node": "check",
    "path": [],
    "message": "May this refund of 40 euros go out?",
    "fields": [
        {
            "name": "amount",
            "type": "number",
            "required": True,
            "default": 40,
            "description": "In euros.",
        }
    ],
    "assignees": ["grace@example.com"],
    "state": "open",
    "created_at": "2026-11-23T09:10:00.000000Z",
    "deadline": "2026-11-24T09:10:00.000000Z",
    "on_timeout": "reject",
    "decision": None,
    "comment": "",
    "data": {},
    "by": None,
    "decided_at": None,
}
DECIDED_EXAMPLE: dict[str, Any] = {
    **APPROVAL_EXAMPLE,
    "state": "decided",
    "decision": "approved",
    "comment": "Fine with me.",
    "data": {"amount": 35},
    "by": {
        "id": "0192f3a0-0000-7000-8000-000000000001",
        "email": "grace@example.com",
        "name": "Grace Hopper",
        "via": "api",
    },
    "decided_at": "2026-11-23T09:42:00.000000Z",
}
_DECIDER = {
    "type": ["object", "null"],
    "description": "Who decided, as it was at that moment; null where the deadline did.",
    "properties": {
        "id": {"type": ["string", "null"]},
        "email": {"type": ["string", "null"]},
        "name": {"type": "string"},
        "via": {"enum": ["page", "api", "link"]},
    },
}
APPROVAL = component(
    "Approval",
    {
        "type": "object",
        "required": list(APPROVAL_EXAMPLE),
        "properties": {
            "id": _ID,
            "run": _ID,
            "flow": _ID,
            "node": {"type": "string"},
            "path": _PATH,
            "message": {"type": "string"},
            "fields": {
                "type": "array",
                "description": "What is filled in with the decision, as in an input node.",
                "items": {"type": "object"},
            },
            "assignees": {
                "type": "array",
                "description": "Who may decide; empty: everyone who may approve.",
                "items": {"type": "string"},
            },
            "state": {"enum": [str(state) for state in ApprovalState.values]},
            "created_at": {"type": "string", "format": "date-time"},
            "deadline": _TIME,
            "on_timeout": {"enum": [str(outcome) for outcome in OnTimeout.values]},
            "decision": {"enum": [*(str(decision) for decision in Decision.values), None]},
            "comment": {"type": "string"},
            "data": {"type": "object", "description": "By the names of the fields."},
            "by": _DECIDER,
            "decided_at": _TIME,
        },
    },
)
DECIDE = component(
    "Decide",
    {
        "type": "object",
        "required": ["decision"],
        "properties": {
            "decision": {"enum": ["approve", "reject"]},
            "comment": {"type": ["string", "null"], "maxLength": 10_000},
            "data": {
                "type": ["object", "null"],
                "description": "By the names of the approval's fields.",
            },
            "path": {
                **_PATH,
                "description": "The iteration, for a node in a container; else empty.",
            },
        },
        "additionalProperties": False,
    },
)
