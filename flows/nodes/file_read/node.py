"""Files as text, Markdown, rows or bytes."""

import base64
from typing import Any, Literal

from pydantic import Field, field_validator

from flows.engine.apart import TooMuch, apart
from flows.engine.charsets import codec_of
from flows.engine.config import NodeConfig, Text
from flows.engine.doors.files import StoredFile
from flows.engine.errors import NodeError
from flows.engine.file_names import extension_of
from flows.engine.heavy import compute
from flows.engine.json_values import cleaned
from flows.engine.media_types import COMPOUND, DOCX, XLSX, media_type_of
from flows.engine.node_type import Context, NodeType, Result
from flows.nodes.file_read import tables, texts
from flows.nodes.file_read.office import encrypted

#: Bytes of a file, and of one that is handed on as it is.
MAX_BYTES = 50_000_000
MAX_RAW = 20_000_000
#: Seconds of computing that one document may take.
SECONDS = 60.0
_PACKAGE = "flows.nodes.file_read"
_APART = {"pdf": f"{_PACKAGE}.pdf:read", "docx": f"{_PACKAGE}.word:read"}
_KINDS = {
    "application/pdf": "pdf",
    DOCX: "docx",
    XLSX: "xlsx",
    "text/html": "html",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/json": "json",
    "text/markdown": "md",
}
_LOCKED = "EncryptedPackage".encode("utf-16-le")


class Config(NodeConfig):
    file: Any = Field(
        title="File",
        description="A file input, what a step that makes files hands on, or a file's id.",
    )
    mode: Literal["text", "markdown", "table", "bytes"] = Field(
        default="text", title="Mode", description="What is made of it."
    )
    sheet: Text = Field(
        default="",
        title="Sheet",
        description="Of a workbook: a sheet's name or number. Empty: the first one with rows.",
    )
    table: int = Field(
        default=1,
        title="Table",
        description="Of a document or page with several tables: which one, from 1.",
        ge=1,
        le=100_000,
    )
    header: bool = Field(
        default=True,
        title="First row has names",
        description="Rows are objects by these names; else rows are lists.",
    )
    encoding: Text = Field(
        default="",
        title="Encoding",
        description="Of text files, such as windows-1252. Empty: it is found out.",
    )

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        encoding = encoding.strip()
        is_utf_8 = encoding.lower().replace("-", "").replace("_", "") in ("", "utf8", "utf8sig")
        if not is_utf_8 and codec_of(encoding) == "utf_8":
            raise ValueError("this is no encoding that is read; try utf-8 or windows-1252")
        return encoding


async def run(config: Config, ctx: Context) -> Result:
    """Raises NodeError: file_missing and the like, file_unreadable, file_encrypted,
    file_too_complex, file_format_unsupported, table_missing, sheet_missing.
    """
    most = MAX_RAW if config.mode == "bytes" else MAX_BYTES
    file, content = await ctx.files.read(config.file, max_bytes=most)
    # Whoever names an encoding says that it is text.
    kind = _kind(file, content) or ("txt" if config.encoding else None)
    if config.mode == "bytes":
        text = await compute(len(content), _base64, content)
        return _result(file, text, [], {"format": kind or "bytes"})
    if not content:
        return _result(file, "", [], {"format": kind or "txt"})
    if kind in ("pdf", "docx", "xlsx"):
        return await _document(file, content, kind, config, ctx)
    if kind is None:
        raise _unsupported(file, content)
    text, rows, facts = await compute(len(content), _of_text, kind, content, config)
    return _result(file, text, rows, facts)


def _result(file: StoredFile, text: str, rows: list[Any], facts: dict[str, Any]) -> Result:
    about = {"name": file.name, "media_type": file.media_type, "size": file.size}
    return Result({"text": text, "rows": rows, "metadata": {**about, **cleaned(facts)}})


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _kind(file: StoredFile, content: bytes) -> str | None:
    """What a file is read as; None for what is not read."""
    media_type = media_type_of(file.name, content, file.media_type)
    if media_type == "application/zip":
        return {"docx": "docx", "xlsx": "xlsx"}.get(extension_of(file.name))
    if found := _KINDS.get(media_type):
        return found
    is_text = media_type.startswith("text/") or media_type in (
        "application/xml", "application/yaml", "application/jsonl", "image/svg+xml",
    )  # fmt: skip
    return "txt" if is_text else None


def _unsupported(file: StoredFile, content: bytes) -> NodeError:
    media_type = media_type_of(file.name, content, file.media_type)
    if media_type == COMPOUND and _LOCKED in content:
        return encrypted()
    advice = {
        COMPOUND: "Old documents of Office are not read; save it as docx or xlsx.",
        "application/rtf": "Save it as docx.",
    }.get(media_type, "PDF, docx, xlsx, csv, html, md, json and other texts are.")
    message = f"'{file.name}' is of the type {media_type}, which is not read. {advice}"
    return NodeError("file_format_unsupported", message, field="file")


def _of_text(kind: str, content: bytes, config: Config) -> tuple[str, list[Any], dict[str, Any]]:
    text, encoding = texts.text_of(content, config.encoding, is_html=kind == "html")
    facts: dict[str, Any] = {"format": kind, "encoding": encoding}
    if config.mode == "table":
        rows = texts.rows_of(kind, text, header=config.header, table=config.table)
        return "", cleaned(rows), facts
    read = texts.as_read(kind, text, config.mode)
    return read, [], {**facts, "characters": len(read)}


async def _document(
    file: StoredFile, content: bytes, kind: str, config: Config, ctx: Context
) -> Result:
    if kind == "pdf" and config.mode == "table":
        message = "Tables of a PDF are not read as rows. Read it in the mode text or markdown."
        raise NodeError("table_missing", message, field="mode")
    options = {"markdown": config.mode == "markdown", "sheet": config.sheet}
    function = _APART.get(kind, f"{_PACKAGE}.sheets:read")
    seconds = min(SECONDS, ctx.seconds_left)
    try:
        found, _ = await apart(function, content, options, seconds=seconds)
    except TooMuch as much:
        message = f"'{file.name}' {much}. Split the document, or upload it in another format."
        raise NodeError("file_too_complex", message, field="file") from much
    text, rows, facts = await compute(len(content), _of_document, kind, found, config)
    return _result(file, text, rows, facts)


def _of_document(kind: str, found: Any, config: Config) -> tuple[str, list[Any], dict[str, Any]]:
    facts = found["metadata"]
    if kind == "xlsx":
        return _of_sheets(found["sheets"], facts, config)
    if config.mode == "table":
        rows = texts.chosen(found["tables"], config.table, header=config.header)
        return "", cleaned(rows), facts
    text = cleaned(found["text"])
    return text, [], {**facts, "characters": len(text)}


def _of_sheets(
    sheets: list[Any], facts: dict[str, Any], config: Config
) -> tuple[str, list[Any], dict[str, Any]]:
    if config.mode == "table":
        sheet = next((one for one in sheets if one["rows"]), sheets[0] if sheets else None)
        rows = sheet["rows"] if sheet else []
        made = tables.as_objects(rows) if config.header else rows
        return "", cleaned(made), {**facts, "sheet": sheet["name"] if sheet else ""}
    parts = []
    for sheet in sheets:
        if config.mode == "markdown":
            parts.append(f"## {sheet['name']}\n\n{tables.as_markdown(sheet['rows'])}".strip())
        else:
            lines = ["\t".join("" if v is None else str(v) for v in row) for row in sheet["rows"]]
            parts.append("\n".join([sheet["name"], *lines]))
    text = cleaned("\n\n".join(parts))
    return text, [], {**facts, "characters": len(text)}


NODE = NodeType(
    type="file_read",
    title="Read file",
    summary="Reads a PDF, document, workbook, page or text as text, Markdown or rows.",
    category="data",
    icon="file-text",
    config=Config,
    io=run,
    queue="code",
    outputs={"text": "text", "rows": "list", "metadata": "object"},
    timeout_seconds=180,
)
