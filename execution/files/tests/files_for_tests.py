"""Uploads as clients send them, and what lies in the storage."""

import io
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.permissions import Actor
from execution.files.models import File
from execution.files.services import store_file
from flows.tests.fixtures import Api


def upload(api: Api, name: str, content: bytes, said: str = "", **more: Any) -> Any:
    """POST /files with this file; `more` are headers."""
    sent = SimpleUploadedFile("x", content, content_type=said)
    # Django's class would clean the name already; a client need not.
    sent.__dict__["_name"] = name
    body = encode_multipart(BOUNDARY, {"file": sent})
    return api("POST", "/files", body, content_type=MULTIPART_CONTENT, **more)


def stored(actor: Actor, name: str = "a.txt", content: bytes = b"hello", **more: Any) -> File:
    return store_file(actor, name, io.BytesIO(content), **more)


def in_storage() -> set[str]:
    """Keys of all bytes that lie in the folder of files."""
    root = Path(settings.FLUX_DATA_DIR) / "files"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def content_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)
