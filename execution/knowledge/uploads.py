"""A document as it was given: sent as text or uploaded as a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from execution.knowledge.errors import KnowledgeInvalid
from execution.knowledge.limits import NAME_LENGTH, UPLOAD_BYTES
from execution.knowledge.reading import media_type_of, text_of_file


@dataclass(frozen=True)
class Given:
    """What `services.add_document` takes."""

    name: str
    text: str
    media_type: str
    source: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def given_file(
    file: UploadedFile,
    *,
    name: str = "",
    source: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> Given:
    """The text of an uploaded file, called as it is unless `name` says otherwise.

    Raises KnowledgeInvalid.
    """
    if (file.size or 0) > UPLOAD_BYTES:
        message = f"A file may have {UPLOAD_BYTES:,} bytes at most; this one has {file.size:,}."
        raise KnowledgeInvalid("file", message)
    called = (file.name or "").rpartition("/")[2]
    media_type = media_type_of(file.content_type or "", called)
    text = text_of_file(file.read(), media_type)
    return Given(name.strip() or called[:NAME_LENGTH], text, media_type, source, metadata or {})
