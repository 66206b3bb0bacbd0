"""Keys, credentials, variables and audit events in the OpenAPI document, with examples."""

from typing import Any

from accounts.keys.rules import MAX_BUDGET, MAX_PER_MINUTE
from accounts.models import CredentialType
from accounts.permissions import SCOPE_ACTIONS
from accounts.services import MAX_CALLS
from fluxprompt.api.openapi import Schema, component

_ID: Schema = {"type": "string", "format": "uuid"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NONE: Schema = {"type": ["string", "null"], "format": "date-time"}
_TEXT: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 120}
_AT = "2026-11-26T09:10:00.000000Z"


def _number(most: int, description: str) -> Schema:
    return {
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": most,
        "description": f"{description}; null: no limit.",
    }


_SCOPES: Schema = {"type": "array", "items": {"enum": list(SCOPE_ACTIONS)}, "minItems": 1}
_KEY_FIELDS: dict[str, Schema] = {
    "name": _NAME,
    "scopes": _SCOPES,
    "expires_at": {**_TIME_OR_NONE, "description": "null: never."},
    "requests_per_minute": _number(MAX_PER_MINUTE, "Calls a minute"),
    "monthly_budget": {
        "type": ["string", "number", "null"],
        "description": "US dollars that its runs may cost in a calendar month (UTC), up to "
        f"{MAX_BUDGET:,}; null: no limit.",
    },
}
KEY_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e80",
    "name": "shop",
    "prefix": "k3v9x0qa",
    "scopes": ["runs:read", "runs:write"],
    "expires_at": None,
    "requests_per_minute": 600,
    "monthly_budget": "20.0000",
    "spent_this_month": "3.17250000",
    "last_used_at": _AT,
    "last_used_ip": "203.0.113.9",
    "created_at": _AT,
}
KEY = component(
    "ApiKey",
    {
        "type": "object",
        "required": list(KEY_EXAMPLE),
        "properties": {
            "id": _ID,
            "prefix": {"type": "string", "description": "Its token begins `flux_<prefix>_`."},
            **_KEY_FIELDS,
            "spent_this_month": {"type": "string", "description": "US dollars."},
            "last_used_at": {**_TIME_OR_NONE, "description": "To the minute."},
            "last_used_ip": {"type": ["string", "null"]},
            "created_at": _TIME,
        },
    },
)
NEW_KEY = component(
    "NewApiKey",
    {
        "allOf": [
            KEY,
            {
                "type": "object",
                "required": ["token"],
                "properties": {"token": {"type": "string", "description": "Shown this once."}},
            },
        ]
    },
)
KEY_CREATE: Schema = {
    "type": "object",
    "required": ["name"],
    "properties": _KEY_FIELDS,
    "additionalProperties": False,
}
KEY_CHANGE: Schema = {"type": "object", "properties": _KEY_FIELDS, "additionalProperties": False}

_LIMITS = {
    "max_concurrent": _number(MAX_CALLS, "Calls at once"),
    "requests_per_minute": _number(MAX_CALLS, "Calls a minute"),
}
_VALUES: Schema = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "null"]},
    "description": "The fields of its type, open and secret ones. What is secret is never read "
    "back; left out of a change, it stays as it is.",
}
CREDENTIAL_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e81",
    "name": "Claude",
    "type": "anthropic",
    "settings": {},
    "secrets": ["api_key"],
    "max_concurrent": None,
    "requests_per_minute": 50,
    "created_at": _AT,
    "updated_at": _AT,
    "last_used_at": None,
}
CREDENTIAL = component(
    "Credential",
    {
        "type": "object",
        "required": list(CREDENTIAL_EXAMPLE),
        "properties": {
            "id": _ID,
            "name": _NAME,
            "type": {"enum": list(CredentialType.values)},
            "settings": {"type": "object", "description": "The fields that are not secret."},
            "secrets": {
                "type": "array",
                "items": _TEXT,
                "description": "Names of the secret fields of its type.",
            },
            **_LIMITS,
            "created_at": _TIME,
            "updated_at": _TIME,
            "last_used_at": _TIME_OR_NONE,
        },
    },
)
CREDENTIAL_CREATE: Schema = {
    "type": "object",
    "required": ["name", "type", "values"],
    "properties": {
        "name": _NAME,
        "type": {"enum": list(CredentialType.values)},
        "values": _VALUES,
        **_LIMITS,
    },
    "additionalProperties": False,
}
CREDENTIAL_CHANGE: Schema = {
    "type": "object",
    "properties": {"name": _NAME, "values": _VALUES, **_LIMITS},
    "additionalProperties": False,
}

VARIABLE_EXAMPLE: dict[str, Any] = {"name": "region", "value": "eu"}
VARIABLE = component(
    "Variable",
    {
        "type": "object",
        "required": ["name", "value"],
        "properties": {"name": _TEXT, "value": {"description": "Any JSON."}},
    },
)
VARIABLE_SET: Schema = {
    "type": "object",
    "required": ["value"],
    "properties": {"value": {"description": "Any JSON."}},
    "additionalProperties": False,
}

EVENT_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e82",
    "at": _AT,
    "actor": "Ada",
    "user": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e83",
    "via": "browser",
    "ip": "203.0.113.9",
    "action": "credential.create",
    "target_type": "accounts.credential",
    "target_id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e81",
    "details": {"name": "Claude", "type": "anthropic"},
}
EVENT = component(
    "AuditEvent",
    {
        "type": "object",
        "required": list(EVENT_EXAMPLE),
        "properties": {
            "id": _ID,
            "at": _TIME,
            "actor": {"type": "string", "description": "As the actor was called at the time."},
            "user": {"type": ["string", "null"], "description": "The person's id."},
            "via": {
                "type": "string",
                "description": "`browser`, `operator`, `command`, `system` or the beginning of a "
                "key.",
            },
            "ip": {"type": ["string", "null"]},
            "action": _TEXT,
            "target_type": _TEXT,
            "target_id": _TEXT,
            "details": {"type": "object"},
        },
    },
)
