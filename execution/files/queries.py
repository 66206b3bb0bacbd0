"""Every read of the files app."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet, Sum

from accounts.permissions import Actor
from execution.files.models import File
from flows.engine.doors.files import file_id_of

JSON = Any
type Problem = dict[str, str]


def files_of(actor: Actor) -> QuerySet[File]:
    """The files the actor may see whose time is not over."""
    rows: QuerySet[File] = File.objects.visible_to(actor).there()
    return rows


def stored_bytes(workspace_id: UUID, *, besides: str | None = None) -> int:
    """Bytes of all files of a workspace; without the file of the origin `besides`."""
    rows = File.objects.there().filter(workspace_id=workspace_id)
    if besides is not None:
        rows = rows.exclude(origin=besides, origin__isnull=False)
    return int(rows.aggregate(total=Sum("size"))["total"] or 0)


def file_url(file_id: UUID | str) -> str:
    """Where people and programs of the workspace download a file."""
    return f"{settings.FLUX_PUBLIC_URL.rstrip('/')}/api/v1/files/{file_id}/content"


def file_payload(file: File) -> dict[str, JSON]:
    """A file as the API shows it."""
    return {
        "id": str(file.id),
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
        "url": file_url(file.id),
        "run": str(file.run_id) if file.run_id else None,
        "node": file.node or None,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
    }


def missing_files(
    actor: Actor, fields: Sequence[Mapping[str, JSON]], values: Mapping[str, JSON]
) -> list[Problem]:
    """What is wrong with the file inputs of a run: `{path, code, message}` for each.

    A file that the actor does not see is none.
    """
    wanted = {
        str(field["name"]): file_id_of(values[str(field["name"])])
        for field in fields
        if field.get("type") == "file" and values.get(str(field.get("name"))) is not None
    }
    if not wanted:
        return []
    ids = {name: _as_id(text) for name, text in wanted.items()}
    known = {one for one in ids.values() if one}
    rows = files_of(actor).filter(id__in=known)
    there = set(rows.values_list("id", flat=True))
    return [
        {
            "path": name,
            "code": "file_missing",
            "message": f"'{name}' names a file that is not stored in this workspace (any more). "
            'Upload it with POST /api/v1/files and give {"file": id}.',
        }
        for name, one in ids.items()
        if one not in there
    ]


def _as_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


#: Bytes that a download sends at once.
_PIECE = 262_144


def in_pieces(handle: IO[bytes]) -> Iterator[bytes]:
    """The bytes of an open file, which is closed at the end."""
    with handle:
        while piece := handle.read(_PIECE):
            yield piece


async def in_pieces_async(handle: IO[bytes]) -> AsyncIterator[bytes]:
    """The same for an event loop, which the storage must not hold up."""
    import asyncio

    try:
        while piece := await asyncio.to_thread(handle.read, _PIECE):
            yield piece
    finally:
        handle.close()
