"""Makes text of what is uploaded: plain text, Markdown, HTML, CSV, JSON, PDF and Word."""

import json
from collections.abc import Callable

from execution.knowledge.errors import KnowledgeInvalid
from flows.engine.apart import TooMuch, apart_now
from flows.engine.errors import NodeError
from flows.engine.media_types import DOCX
from flows.engine.web_page import PageUnreadable
from flows.engine.web_reading import whole_page
from flows.nodes.parse.formats import TextUnreadable, csv_value

#: What is taken, by the endings of file names.
ENDINGS = {
    "txt": "text/plain",
    "text": "text/plain",
    "log": "text/plain",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "html": "text/html",
    "htm": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "pdf": "application/pdf",
    "docx": DOCX,
}
MEDIA_TYPES = tuple(dict.fromkeys(ENDINGS.values()))
#: Other words for the same, and what browsers say of what they do not know.
_ALSO = {
    "text/x-markdown": "text/markdown",
    "application/xhtml+xml": "text/html",
    "application/csv": "text/csv",
}
_VAGUE = ("", "application/octet-stream")
TAKEN = "plain text, Markdown, HTML, CSV, JSON, PDF and Word (docx)"
#: Read in a process of its own, and kept as the Markdown that it makes of them.
_DOCUMENTS = {
    "application/pdf": "flows.nodes.file_read.pdf:read",
    DOCX: "flows.nodes.file_read.word:read",
}
#: Seconds of computing that one may take while somebody waits for the page.
DOCUMENT_SECONDS = 30.0


def media_type_of(given: str, name: str = "") -> str:
    """One of MEDIA_TYPES, by what was said, else by the file's name. Raises KnowledgeInvalid."""
    said = given.partition(";")[0].strip().lower()
    said = _ALSO.get(said, said)
    by_name = ENDINGS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if by_name and said in (*_VAGUE, *MEDIA_TYPES):
        return by_name
    if said in MEDIA_TYPES:
        return said
    message = f"'{(said or name)[:80]}' cannot be read here. These can: {TAKEN}."
    raise KnowledgeInvalid("media_type", message)


def text_of_file(data: bytes, media_type: str) -> str:
    """The text of an uploaded file. Raises KnowledgeInvalid."""
    if media_type in _DOCUMENTS:
        return _of_document(data, _DOCUMENTS[media_type])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = (
            f"The file is not UTF-8 text: byte {error.start} cannot be read. Save it as UTF-8."
        )
        raise KnowledgeInvalid("file", message) from error
    return as_text(text, media_type)


def _of_document(data: bytes, function: str) -> str:
    try:
        options = {"markdown": True, "sheet": ""}
        found, _ = apart_now(function, data, options, seconds=DOCUMENT_SECONDS)
    except TooMuch as much:
        raise KnowledgeInvalid("file", f"The document {much}. Split it.") from much
    except NodeError as error:
        raise KnowledgeInvalid("file", error.message) from error
    text = str(found["text"])
    if not text.strip():
        message = "No text was found in the document: it may hold scanned pages only."
        raise KnowledgeInvalid("file", message)
    return text


def as_text(text: str, media_type: str) -> str:
    """What of a text is searched: the text itself, or what its markup and data say."""
    text = text.replace("\r\n", "\n").replace("\0", " ")
    readers: dict[str, Callable[[str], str]] = {
        "text/html": _of_html,
        "text/csv": _of_csv,
        "application/json": _of_json,
    }
    reader = readers.get(media_type)
    return text if reader is None else reader(text)


def _of_csv(text: str) -> str:
    """Each row as a paragraph, every value under its column's name."""
    try:
        rows = csv_value(text, "", header=True)
    except TextUnreadable as error:
        raise KnowledgeInvalid("text", str(error)) from error
    return "\n\n".join(
        "\n".join(f"{name}: {value}" for name, value in row.items() if value) for row in rows
    )


def _of_json(text: str) -> str:
    """Indented, without escapes; the elements of a list stand apart."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KnowledgeInvalid("text", f"It is no JSON: {error}") from error
    parts = value if isinstance(value, list) else [value]
    return "\n\n".join(json.dumps(part, indent=1, ensure_ascii=False) for part in parts)


def _of_html(text: str) -> str:
    """All of the page as Markdown, without addresses, which nobody searches for."""
    try:
        return whole_page(text)
    except PageUnreadable as error:
        raise KnowledgeInvalid("text", f"The page: {error}") from error
