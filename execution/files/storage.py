"""The place where bytes of files lie: the storage named `files` of Django's STORAGES."""

import hashlib
import logging
from typing import IO

from django.core.files.base import File as Content
from django.core.files.storage import Storage, storages

from execution.files.errors import FileRefused

logger = logging.getLogger(__name__)
#: Bytes that are in memory at once.
PIECE = 1_048_576
AWAY = (
    "The storage of files cannot be reached at the moment. Try again; an operator finds the "
    "reason in the log."
)


def storage() -> Storage:
    """The storage; one object a process."""
    return storages["files"]


def size_and_digest(content: IO[bytes], most: int) -> tuple[int, str]:
    """Bytes and SHA-256 (hex) of what is left to read; then it is at its beginning again.

    Raises FileRefused as soon as there are more bytes than `most`.
    """
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    while piece := content.read(PIECE):
        size += len(piece)
        if size > most:
            raise FileRefused(
                "file_too_large",
                f"The file has over {most:,} bytes, which is the limit (FLUX_FILE_MAX_BYTES).",
            )
        digest.update(piece)
    content.seek(0)
    return size, digest.hexdigest()


def save_bytes(key: str, content: IO[bytes]) -> None:
    """Store bytes under a key that is new. Raises FileRefused file_storage_unavailable."""
    try:
        kept = storage().save(key, Content(content))
    except Exception as error:
        logger.exception("Bytes cannot be stored")
        raise FileRefused("file_storage_unavailable", AWAY) from error
    if kept != key:
        raise RuntimeError(f"the storage keeps {key} as {kept}")


def drop_bytes(key: str) -> bool:
    """Delete bytes, if they are there; False where the storage cannot be reached."""
    try:
        storage().delete(key)
    except Exception:
        logger.warning("Bytes of a deleted file are dropped later", exc_info=True)
        return False
    return True
