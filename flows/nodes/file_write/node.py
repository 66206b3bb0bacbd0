"""Files made of text, Markdown, rows or any value."""

import json
from typing import Any, Literal

from pydantic import Field

from flows.engine.apart import TooMuch, apart
from flows.engine.config import NodeConfig, Text
from flows.engine.errors import NodeError
from flows.engine.file_names import extension_of, label_of, with_extension
from flows.engine.heavy import compute
from flows.engine.media_types import DOCX, XLSX
from flows.engine.node_type import Context, NodeType, Result
from flows.engine.sizes import json_size
from flows.nodes.file_write import plain
from flows.nodes.file_write.content import rows_of

#: Bytes of content, and of a file.
MAX_BYTES = 50_000_000
SECONDS = 60.0
SCRATCH = 1_000_000_000
_PACKAGE = "flows.nodes.file_write"
_TYPES = {
    "txt": "text/plain",
    "md": "text/markdown",
    "html": "text/html",
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": XLSX,
    "docx": DOCX,
    "pdf": "application/pdf",
}
_APART = {
    "html": f"{_PACKAGE}.plain:page",
    "xlsx": f"{_PACKAGE}.sheet:write",
    "docx": f"{_PACKAGE}.word:write",
    "pdf": f"{_PACKAGE}.pdf:write",
}


class Config(NodeConfig):
    name: Text = Field(
        title="Name",
        description="What the file is called. The ending of the format is added.",
        min_length=1,
        max_length=1_000,
    )
    format: Literal["txt", "md", "html", "json", "csv", "xlsx", "docx", "pdf"] = Field(
        default="txt", title="Format", description="What kind of file is made."
    )
    content: Any = Field(
        title="Content",
        description="Text or Markdown; for csv and xlsx rows: a list of objects or of lists.",
        json_schema_extra={"widget": "text"},
    )
    safe_cells: bool = Field(
        default=True,
        title="No formulas",
        description="Of csv and xlsx: texts that begin like a formula stay text.",
    )
    page_size: Literal["a4", "letter"] = Field(
        default="a4", title="Page size", description="Of docx and pdf."
    )


async def run(config: Config, ctx: Context) -> Result:
    """Raises NodeError: content_unfit, content_too_large, file_too_complex, font_missing, and what
    storing may (storage_full …).
    """
    size = json_size(config.content)
    if size > MAX_BYTES:
        message = f"The content has over {MAX_BYTES:,} bytes. Write several files."
        raise NodeError("content_too_large", message, field="content")
    facts: Any = None
    if config.format in _APART:
        facts, content = await _made_apart(config, ctx, size)
    else:
        content = await compute(size, _text, config)
    name = with_extension(config.name, config.format)
    file = await ctx.files.write(name, content, _TYPES[config.format])
    made: dict[str, Any] = {"file": file.as_output()}
    if facts and facts["missing"]:
        count = facts["missing"]
        made["warnings"] = [
            f"{count:,} characters are in no font here and were drawn as '?'."
            if count > 1
            else "One character is in no font here and was drawn as '?'."
        ]
    return Result({"warnings": [], **made})


def _text(config: Config) -> bytes:
    match config.format:
        case "json":
            made = plain.json_text(config.content)
        case "csv":
            # The mark tells Excel that it is UTF-8.
            made = "\ufeff" + plain.csv_text(config.content, safe=config.safe_cells)
        case "md":
            made = plain.md(config.content)
        case _:
            made = plain.txt(config.content)
    return made.encode()


async def _made_apart(config: Config, ctx: Context, size: int) -> tuple[Any, bytes]:
    options = {
        "title": _title(config.name),
        "safe": config.safe_cells,
        "page_size": config.page_size,
        "has_header": True,
        "is_json": not isinstance(config.content, str),
    }
    content = await compute(size, _given, config)
    seconds = min(SECONDS, ctx.seconds_left)
    try:
        # The writer of workbooks keeps rows in a file on their way.
        scratch = SCRATCH if config.format == "xlsx" else 0
        function = _APART[config.format]
        return await apart(function, content, options, seconds=seconds, scratch=scratch)
    except TooMuch as much:
        message = f"The content {much}. Write several files, or another format."
        raise NodeError("file_too_complex", message, field="content") from much


def _given(config: Config) -> bytes:
    if config.format == "html" and isinstance(config.content, str):
        return config.content.encode()
    content = rows_of(config.content) if config.format == "xlsx" else config.content
    return json.dumps(content).encode()


def _title(name: str) -> str:
    label = label_of(name)
    ending = extension_of(label)
    return label.removesuffix(f".{ending}") if ending in _TYPES else label


NODE = NodeType(
    type="file_write",
    title="Write file",
    summary="Makes a text, page, table, document or PDF to be downloaded.",
    category="data",
    icon="file-output",
    config=Config,
    io=run,
    queue="code",
    outputs={"file": "file", "warnings": "list"},
    timeout_seconds=180,
)
