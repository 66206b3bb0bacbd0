"""Members and invitations in the OpenAPI document, with examples."""

from typing import Any

from accounts.models import Role
from fluxprompt.api.openapi import Schema, component

_ID: Schema = {"type": "string", "format": "uuid"}
_ID_OR_NONE: Schema = {"type": ["string", "null"], "description": "The person's id."}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TIME_OR_NONE: Schema = {"type": ["string", "null"], "format": "date-time"}
_EMAIL: Schema = {"type": "string", "format": "email", "maxLength": 254}
_ROLE: Schema = {"enum": list(Role.values)}
_AT = "2026-11-26T09:10:00.000000Z"
_PERSON = "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e83"

MEMBER_EXAMPLE: dict[str, Any] = {
    "id": 12,
    "user": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e84",
    "email": "grace@example.com",
    "name": "Grace",
    "role": "builder",
    "invited_by": _PERSON,
    "last_sign_in_at": _AT,
    "created_at": _AT,
}
MEMBER = component(
    "Member",
    {
        "type": "object",
        "required": list(MEMBER_EXAMPLE),
        "properties": {
            "id": {"type": "integer"},
            "user": _ID,
            "email": _EMAIL,
            "name": {"type": "string"},
            "role": _ROLE,
            "invited_by": _ID_OR_NONE,
            "last_sign_in_at": _TIME_OR_NONE,
            "created_at": {**_TIME, "description": "When they joined."},
        },
    },
)
MEMBER_CHANGE: Schema = {
    "type": "object",
    "required": ["role"],
    "properties": {"role": _ROLE},
    "additionalProperties": False,
}
INVITATION_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e85",
    "email": "grace@example.com",
    "role": "builder",
    "mailed": False,
    "invited_by": _PERSON,
    "expires_at": "2026-12-03T09:10:00.000000Z",
    "created_at": _AT,
}
_INVITATION: dict[str, Schema] = {
    "id": _ID,
    "email": _EMAIL,
    "role": _ROLE,
    "mailed": {"type": "boolean", "description": "Whether a mail took the link there."},
    "invited_by": _ID_OR_NONE,
    "expires_at": _TIME,
    "created_at": _TIME,
}
INVITATION = component(
    "Invitation",
    {"type": "object", "required": list(INVITATION_EXAMPLE), "properties": _INVITATION},
)
NEW_INVITATION_EXAMPLE: dict[str, Any] = {
    **INVITATION_EXAMPLE,
    "link": "https://flux.example.com/invitations/Zk3…/",
}
NEW_INVITATION = component(
    "NewInvitation",
    {
        "type": "object",
        "required": list(NEW_INVITATION_EXAMPLE),
        "properties": {
            **_INVITATION,
            "link": {"type": ["string", "null"], "description": "Shown this once; null: mailed."},
        },
    },
)
INVITATION_CREATE: Schema = {
    "type": "object",
    "required": ["email", "role"],
    "properties": {"email": _EMAIL, "role": {"enum": [*Role.values][1:]}},
    "additionalProperties": False,
}
