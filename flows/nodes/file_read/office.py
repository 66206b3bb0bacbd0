"""What documents of Office are before they are opened: ZIP files that may be bombs or locked."""

import io
import re
import zipfile

from flows.engine.errors import NodeError

#: Parts of a document, and bytes of all of them unpacked.
MAX_PARTS = 10_000
MAX_UNPACKED = 300_000_000
#: Bytes at the beginning of a part in which a document type would be declared.
_PROLOG = 1_000_000
# Office documents have none; with one come entities, and with them billions of laughs.
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<\0!\0[DE]\0|\0<\0!\0[DE]", re.IGNORECASE)


def unreadable(why: str) -> NodeError:
    """A document that is broken."""
    message = f"The file cannot be read: {why} Open it in its own program, save it, upload it."
    return NodeError("file_unreadable", message, field="file")


def encrypted() -> NodeError:
    """A document that nobody reads without its password."""
    message = "The file is protected with a password. Remove the protection and upload it again."
    return NodeError("file_encrypted", message, field="file")


def check_parts(content: bytes) -> set[str]:
    """The names of a document's parts. Raises NodeError where it is broken, locked or a bomb."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if any(part.flag_bits & 1 for part in parts):
                raise encrypted()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED:
                message = (
                    f"Unpacked, the file has {unpacked:,} bytes in {len(parts):,} parts; "
                    f"{MAX_UNPACKED:,} bytes and {MAX_PARTS:,} parts are the limit. Split it."
                )
                raise NodeError("file_too_complex", message, field="file")
            for part in parts:
                _check_prolog(archive, part)
            return {part.filename for part in parts}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise unreadable("it is cut off or damaged.") from error
    except (OSError, ValueError, KeyError) as error:
        raise unreadable("it is damaged.") from error


def _check_prolog(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    if not part.filename.lower().endswith((".xml", ".rels")):
        return
    with archive.open(part) as opened:
        # A declaration stands before the first element; what follows is not searched for it.
        prolog = opened.read(_PROLOG)
    if _DECLARED.search(prolog):
        raise unreadable("it declares entities of its own, which documents do not have.")
