"""What kind of data a file is: by its first bytes, where they tell, and only then by its name."""

import re

from flows.engine.file_names import extension_of

#: Bytes at the beginning of a file that are looked at.
HEAD = 8_192
UNKNOWN = "application/octet-stream"
_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX = f"{_OFFICE}wordprocessingml.document"
XLSX = f"{_OFFICE}spreadsheetml.sheet"
PPTX = f"{_OFFICE}presentationml.presentation"
#: What a compound file (OLE 2) is: old office documents, and newer ones with a password.
COMPOUND = "application/x-ole-storage"

_NAMED = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,90}")
#: First bytes that tell, at the very beginning.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", COMPOUND),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"MZ", "application/x-msdownload"),
    (b"\x7fELF", "application/x-executable"),
    (b"{\\rtf", "application/rtf"),
)
#: Text by the name's extension; all else is text/plain.
_TEXTS = {
    "htm": "text/html", "html": "text/html", "xhtml": "text/html",
    "md": "text/markdown", "markdown": "text/markdown",
    "csv": "text/csv", "tsv": "text/tab-separated-values",
    "json": "application/json", "jsonl": "application/jsonl", "ndjson": "application/jsonl",
    "xml": "application/xml", "svg": "image/svg+xml",
    "yaml": "application/yaml", "yml": "application/yaml",
    "css": "text/css", "js": "text/javascript", "ics": "text/calendar",
}  # fmt: skip
_MARKUP = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(!doctype html|html|svg)", re.I | re.S
)


def media_type_of(name: str, head: bytes, said: str = "") -> str:
    """The media type of a file with this name that begins with these bytes.

    `said` is what somebody calls it: believed only where nothing else tells, for a browser or a
    server calls a page a picture as readily as not.
    """
    found = _by_bytes(head[:HEAD], name)
    if found not in (UNKNOWN, "text/plain"):
        return found
    said = said.partition(";")[0].strip().lower()
    if found == UNKNOWN:
        # What is binary is no text, whatever it is called.
        named = bool(_NAMED.fullmatch(said)) and not said.startswith("text/")
        return said if named and said != "application/json" else UNKNOWN
    is_text = said.startswith("text/") or said in _TEXTS.values()
    return said if is_text and _NAMED.fullmatch(said) else found


def _by_bytes(head: bytes, name: str) -> str:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    for look in (_in_container, _zip, _sound):
        if kind := look(head, name):
            return kind
    if b"%PDF-" in head[:1_024]:
        return "application/pdf"  # readers accept what stands before it
    return _text(head, name)


def _in_container(head: bytes, name: str) -> str:
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(
            head[8:12], UNKNOWN
        )
    if head[4:8] == b"ftyp":
        brand = head[8:11]
        if brand == b"M4A":
            return "audio/mp4"
        return {b"avi": "image/avif", b"hei": "image/heic", b"qt ": "video/quicktime"}.get(
            brand, "video/mp4"
        )
    return ""


def _zip(head: bytes, name: str) -> str:
    if head[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        return ""
    office = {"docx": DOCX, "docm": DOCX, "xlsx": XLSX, "xlsm": XLSX, "pptx": PPTX}
    # Office documents name their parts in the first bytes, mostly; else their name tells.
    for part, kind in ((b"word/", DOCX), (b"xl/", XLSX), (b"ppt/", PPTX)):
        if part in head:
            return kind
    return office.get(extension_of(name), "application/zip")


def _sound(head: bytes, name: str) -> str:
    """MPEG audio without tags: eleven bits of a frame's beginning, and a layer."""
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06:
        is_text = head[:2] in (b"\xff\xfe", b"\xfe\xff")
        return "" if is_text else "audio/mpeg"
    return ""


def _text(head: bytes, name: str) -> str:
    if not is_text(head):
        return UNKNOWN
    if found := _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "image/svg+xml" if found[1].lower() == b"svg" else "text/html"
    return _TEXTS.get(extension_of(name), "text/plain")


#: Control characters that no text has: all but tab, line ends, form feed and escape.
_NO_TEXT = bytes(set(range(32)) - {9, 10, 12, 13, 27})


def is_text(head: bytes) -> bool:
    """Whether these bytes may be text, in any usual encoding."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return head.translate(None, _NO_TEXT) == head
