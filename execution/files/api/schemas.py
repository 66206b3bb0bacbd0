"""Files in the OpenAPI document, with examples."""

from typing import Any

from fluxprompt.api.openapi import component

FILE = component(
    "File",
    {
        "type": "object",
        "required": [
            "id", "name", "media_type", "size", "sha256", "url", "run", "node", "created_at",
            "expires_at",
        ],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "name": {"type": "string", "description": "A label."},
            "media_type": {"type": "string", "description": "As its bytes tell."},
            "size": {"type": "integer", "description": "Bytes."},
            "sha256": {"type": "string"},
            "url": {"type": "string", "description": "Where it is downloaded."},
            "run": {"type": ["string", "null"], "description": "The run that made it."},
            "node": {"type": ["string", "null"], "description": "Its node that made it."},
            "created_at": {"type": "string", "format": "date-time"},
            "expires_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When it is deleted; null: it is kept.",
            },
        },
    },
)  # fmt: skip
FILE_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a7-3d10-7b5e-8a71-2c3d4e5f6a7b",
    "name": "invoice.pdf",
    "media_type": "application/pdf",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "url": "https://flux.example.com/api/v1/files/0192f3a7-3d10-7b5e-8a71-2c3d4e5f6a7b/content",
    "run": None,
    "node": None,
    "created_at": "2026-11-26T09:10:00.000000Z",
    "expires_at": "2026-12-26T09:10:00.000000Z",
}
UPLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "name": {"type": "string", "description": "A label in the place of the file's own name."},
    },
}
