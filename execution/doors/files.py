"""Files for nodes: those of the run's workspace, by a thread, with the bytes read whole."""

import asyncio
import hashlib
import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from accounts.permissions import system_actor
from execution.database import in_database
from execution.files.errors import FileRefused
from execution.files.models import File
from execution.files.queries import file_url
from execution.files.services import Made, store_file
from execution.files.storage import AWAY, logger, storage
from execution.rights import may_read
from execution.shapes import NodeCall
from flows.engine.doors.files import StoredFile, file_id_of
from flows.engine.errors import NodeError
from flows.engine.file_names import label_of

#: Storing may take long; what only asks the database does not wait behind it.
_threads = ThreadPoolExecutor(4, thread_name_prefix="files")


class RunFiles:
    """The `Files` of one attempt."""

    def __init__(self, call: NodeCall, idempotency_key: str) -> None:
        self._workspace_id = UUID(call["workspace_id"])
        self._made = Made(UUID(call["run_id"]), call["node"], UUID(call["flow_id"]))
        self._key = idempotency_key
        self._written: Counter[str] = Counter()

    async def read(
        self, reference: Any, *, field: str = "file", max_bytes: int | None = None
    ) -> tuple[StoredFile, bytes]:
        file_id = _checked(reference, field)
        row = await in_database(lambda: self._found(file_id))
        if row is None:
            raise NodeError(
                "file_missing",
                f"There is no file '{file_id}' for this flow: it was deleted, its time was over, "
                "or it is of a private flow that whoever published this one does not see. Upload "
                "it again, or have that flow shared with them.",
                field=field,
            )
        if row.expired:
            message = f"The time of the file '{row.name}' is over. Upload it again."
            raise NodeError("file_expired", message, field=field)
        if max_bytes is not None and row.size > max_bytes:
            raise NodeError(
                "file_too_large",
                f"The file '{row.name}' has {row.size:,} bytes; this step takes {max_bytes:,} at "
                "most.",
                field=field,
            )
        return _stored(row), await asyncio.to_thread(_content, row, field)

    def _found(self, file_id: UUID) -> File | None:
        row = File.objects.filter(id=file_id, workspace_id=self._workspace_id).first()
        made = self._made
        return row if row is not None and may_read(made.run_id, made.flow_id, row) else None

    async def write(self, name: str, content: bytes, media_type: str = "") -> StoredFile:
        label = label_of(name)
        self._written[label] += 1
        place = json.dumps([self._key, label, self._written[label]])
        origin = hashlib.sha256(place.encode()).hexdigest()
        actor = system_actor(self._workspace_id, f"run {self._made.run_id}")
        try:
            row = await in_database(
                lambda: store_file(
                    actor,
                    label,
                    io.BytesIO(content),
                    media_type=media_type,
                    origin=origin,
                    made=self._made,
                ),
                threads=_threads,
            )
        except FileRefused as refused:
            may_pass = refused.code == "file_storage_unavailable"
            raise NodeError(refused.code, refused.message, retryable=may_pass) from refused
        return _stored(row)


def _checked(reference: Any, field: str) -> UUID:
    found = file_id_of(reference)
    try:
        return UUID(found or "")
    except ValueError:
        pass
    raise NodeError(
        "file_reference_invalid",
        "This is no file. Give the id of a file, what a file input holds, or what a step that "
        'makes files hands on: {"id": …} or {"file": …}.',
        field=field,
    )


def _stored(row: File) -> StoredFile:
    return StoredFile(str(row.id), row.name, row.media_type, row.size, file_url(row.id))


def _content(row: File, field: str) -> bytes:
    try:
        with storage().open(row.key, "rb") as handle:
            content: bytes = handle.read()
    except FileNotFoundError as error:
        message = f"The bytes of the file '{row.name}' are not stored any more. Upload it again."
        raise NodeError("file_missing", message, field=field) from error
    except Exception as error:
        logger.exception("Bytes cannot be read")
        raise NodeError("file_storage_unavailable", AWAY, retryable=True) from error
    return content
