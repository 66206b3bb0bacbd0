"""Collections, documents and matches in the OpenAPI document, with examples."""

from typing import Any

from execution.knowledge import limits
from execution.knowledge.models import LANGUAGES, DocumentState
from fluxprompt.api.openapi import Schema, component

_ID: Schema = {"type": "string", "format": "uuid"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_SETTINGS: dict[str, Schema] = {
    "model": {
        "type": "string",
        "maxLength": 200,
        "description": "The embedding model, `provider/name`.",
    },
    "chunk_size": {
        "type": "integer",
        "minimum": limits.LEAST_SIZE,
        "maximum": limits.MOST_SIZE,
        "description": "Characters of a chunk at most.",
    },
    "chunk_overlap": {
        "type": "integer",
        "minimum": 0,
        "description": "Characters that neighbours share at most; half of a chunk at most.",
    },
    "language": {"enum": list(LANGUAGES), "description": "Of the words that are looked for."},
}
INDEX_EXAMPLE: dict[str, Any] = {
    "number": 1,
    "model": "local/multilingual-e5-small",
    "dimensions": 384,
    "chunks": 128,
    "documents": {"pending": 1, "done": 11, "failed": 0},
    "input_tokens": 30211,
    "message": "",
}
COLLECTION_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e70",
    "slug": "handbook",
    "name": "Handbook",
    "description": "What our customers ask.",
    "model": "local/multilingual-e5-small",
    "chunk_size": limits.DEFAULT_SIZE,
    "chunk_overlap": limits.DEFAULT_OVERLAP,
    "language": "english",
    "state": "indexing",
    "index": INDEX_EXAMPLE,
    "building": None,
    "failed": None,
    "created_at": "2026-11-26T09:10:00.000000Z",
    "updated_at": "2026-11-26T09:10:00.000000Z",
}
DOCUMENT_EXAMPLE: dict[str, Any] = {
    "id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e71",
    "name": "Returns",
    "source": "https://example.com/returns",
    "media_type": "text/markdown",
    "characters": 2210,
    "metadata": {"year": 2026},
    "state": "done",
    "chunks": 3,
    "error": "",
    "created_at": "2026-11-26T09:10:00.000000Z",
}
MATCH_EXAMPLE: dict[str, Any] = {
    "text": "You can send an order back within 30 days.",
    "score": 0.8731,
    "document": "Returns",
    "document_id": "0192f3a6-2b1c-7d4e-9f60-1a2b3c4d5e71",
    "source": "https://example.com/returns",
    "heading": "Orders › Returns",
    "position": 2,
    "start": 1804,
    "metadata": {"year": 2026},
}
INDEX = component(
    "KnowledgeIndex",
    {
        "type": "object",
        "description": "One version of a collection's index, and how far it is.",
        "required": list(INDEX_EXAMPLE),
        "properties": {
            "number": _COUNT,
            "model": _TEXT,
            "dimensions": {"type": ["integer", "null"]},
            "chunks": _COUNT,
            "documents": {
                "type": "object",
                "required": ["pending", "done", "failed"],
                "properties": {"pending": _COUNT, "done": _COUNT, "failed": _COUNT},
            },
            "input_tokens": _COUNT,
            "message": {"type": "string", "description": "What holds it up, or has ended it."},
        },
    },
)
_INDEX_OR_NONE: Schema = {"oneOf": [INDEX, {"type": "null"}]}
COLLECTION = component(
    "Collection",
    {
        "type": "object",
        "required": list(COLLECTION_EXAMPLE),
        "properties": {
            "id": _ID,
            "slug": _TEXT,
            "name": _TEXT,
            "description": _TEXT,
            **_SETTINGS,
            "state": {
                "enum": ["ready", "indexing", "rebuilding", "failed"],
                "description": "`failed`: the last rebuild; the index before it is searched.",
            },
            "index": INDEX,
            "building": _INDEX_OR_NONE,
            "failed": _INDEX_OR_NONE,
            "created_at": _TIME,
            "updated_at": _TIME,
        },
    },
)
_DOCUMENT: dict[str, Schema] = {
    "id": _ID,
    "name": _TEXT,
    "source": _TEXT,
    "media_type": _TEXT,
    "characters": _COUNT,
    "metadata": {"type": "object"},
    "state": {"enum": list(DocumentState.values)},
    "chunks": {"type": "integer", "description": "Chunks that can be found already."},
    "error": _TEXT,
    "created_at": _TIME,
}
DOCUMENT = component(
    "KnowledgeDocument",
    {"type": "object", "required": list(DOCUMENT_EXAMPLE), "properties": _DOCUMENT},
)
DOCUMENT_DETAIL = component(
    "KnowledgeDocumentDetail",
    {
        "type": "object",
        "required": [*DOCUMENT_EXAMPLE, "text"],
        "properties": {**_DOCUMENT, "text": _TEXT},
    },
)
MATCHES_EXAMPLE = {"matches": [MATCH_EXAMPLE]}
MATCHES = component(
    "KnowledgeMatches",
    {
        "type": "object",
        "required": ["matches"],
        "properties": {
            "matches": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": list(MATCH_EXAMPLE),
                    "properties": {
                        "text": _TEXT,
                        "score": {"type": "number", "description": "Cosine, -1 to 1."},
                        "document": _TEXT,
                        "document_id": _ID,
                        "source": _TEXT,
                        "heading": _TEXT,
                        "position": _COUNT,
                        "start": {"type": "integer", "description": "Characters before it."},
                        "metadata": {"type": "object"},
                    },
                },
            }
        },
    },
)


def _body(required: list[str], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


CREATE = _body(
    ["name"],
    name={"type": "string", "maxLength": 200},
    slug=_TEXT,
    description=_TEXT,
    **_SETTINGS,
)
CHANGE = _body([], name={"type": "string", "maxLength": 200}, description=_TEXT, **_SETTINGS)
_NAME: Schema = {"type": "string", "maxLength": limits.NAME_LENGTH}
_SOURCE: Schema = {"type": "string", "maxLength": limits.SOURCE_LENGTH}
ADD = _body(
    ["name", "text"],
    name=_NAME,
    text={"type": "string", "maxLength": limits.CHARACTERS_PER_DOCUMENT},
    media_type=_TEXT,
    source=_SOURCE,
    metadata={"type": "object"},
)
UPLOAD = _body(
    ["file"],
    file={"type": "string", "format": "binary"},
    name=_NAME,
    source=_SOURCE,
    metadata={"type": "string", "description": "An object, as JSON."},
)
SEARCH = _body(
    ["query"],
    query={"type": "string", "maxLength": limits.QUERY_CHARACTERS},
    top_k={"type": "integer", "minimum": 1, "maximum": limits.MOST_MATCHES, "default": 5},
    min_score={"type": "number", "minimum": -1, "maximum": 1, "default": 0},
)
REINDEX = _body([], only_failed={"type": "boolean", "default": False})
