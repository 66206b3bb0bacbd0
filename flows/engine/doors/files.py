"""The door to the files of a workspace: what people uploaded and what nodes made."""

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class StoredFile:
    """A stored file. `name` is only a label; `size` counts bytes; `url` is where people and
    programs of the workspace download it.
    """

    id: str
    name: str
    media_type: str
    size: int
    url: str = ""

    def as_output(self) -> dict[str, Any]:
        """How a node hands a file on: `{id, name, media_type, size, url}`."""
        return {
            "id": self.id,
            "name": self.name,
            "media_type": self.media_type,
            "size": self.size,
            "url": self.url,
        }


class Files(Protocol):
    """Reads and writes files of the workspace of the run, and no others."""

    async def read(
        self, reference: Any, *, field: str = "file", max_bytes: int | None = None
    ) -> tuple[StoredFile, bytes]:
        """A file and its bytes.

        `reference` is an id, or an object that has one as `id` or `file` (what a file input is,
        and what nodes hand on). `field` is the setting that an error names; `max_bytes` limits
        what the node can use. Raises NodeError: file_missing, file_expired, file_too_large,
        file_reference_invalid, file_storage_unavailable.
        """

    async def write(self, name: str, content: bytes, media_type: str = "") -> StoredFile:
        """Store a file under this label; it is named by an id that only the server makes.

        An attempt that is made again replaces what the one before wrote: files are known by the
        node's idempotency key, their name, and their turn among equal names. `media_type` counts
        where the bytes do not tell. Raises NodeError: file_too_large, file_type_refused,
        storage_full, file_storage_unavailable.
        """


def file_id_of(reference: Any) -> str | None:
    """The id that a reference to a file holds; None where it is no reference."""
    for _ in range(3):
        if not isinstance(reference, dict):
            break
        reference = reference["file"] if reference.get("file") else reference.get("id")
    return reference.strip() if isinstance(reference, str) and reference.strip() else None
