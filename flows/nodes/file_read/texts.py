"""Files that are text: in whatever encoding, as text, as Markdown, or as rows."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any

from flows.engine.charsets import charset_of_page, codec_of, decoded
from flows.engine.errors import NodeError
from flows.engine.json_values import read_json
from flows.engine.web_page import PageUnreadable
from flows.engine.web_reading import read_page
from flows.nodes.file_read.tables import as_markdown, as_objects
from flows.nodes.parse.formats import TextUnreadable, csv_value, html_value

MAX_CHARACTERS = 20_000_000
#: Bytes by which an encoding is guessed.
_SAMPLE = 65_536
#: What a guess may be; others look like these ones too often.
_USUAL = [
    *("cp1252", "iso8859_2", "cp1250", "cp1251", "koi8_r", "iso8859_7", "cp1253", "cp1254"),
    *("shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "cp1255", "cp1256"),
]


def text_of(content: bytes, encoding: str = "", *, is_html: bool = False) -> tuple[str, str]:
    """The text and the encoding it was read in: the given one, else the one that fits.

    A byte order mark tells, then UTF-8 if all of it fits, then what a page says of itself, then a
    guess by the letters' frequencies. What cannot be read in it becomes U+FFFD.
    """
    found = codec_of(encoding) if encoding else _found(content, is_html=is_html)
    if len(content) > 4 * MAX_CHARACTERS:
        raise _too_long()
    text = decoded(content, f"text/plain; charset={found}")
    if len(text) > MAX_CHARACTERS:
        raise _too_long()
    return text.replace("\r\n", "\n").replace("\r", "\n"), found.replace("_", "-")


def _too_long() -> NodeError:
    message = f"The file is longer than {MAX_CHARACTERS:,} characters, the limit. Split it."
    return NodeError("file_too_complex", message, field="file")


def _found(content: bytes, *, is_html: bool) -> str:
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf_16"
    if content.startswith(BOM_UTF8):
        return "utf_8"
    try:
        content.decode("utf-8")
        return "utf_8"
    except UnicodeDecodeError:
        pass
    if is_html and (said := charset_of_page(content)):
        return codec_of(said)
    return _guess(content)


def _guess(content: bytes) -> str:
    from charset_normalizer import from_bytes

    # Where letters beyond ASCII begin there is something to tell by.
    first = next((at for at, byte in enumerate(content[:5_000_000]) if byte > 127), 0)
    sample = content[max(0, first - 1_000) : first + _SAMPLE]
    best = from_bytes(sample, cp_isolation=_USUAL).best()
    if best is None:
        return "cp1252"
    # Several may give the same letters: then the most usual of them.
    same = {best.encoding, *best.could_be_from_charset}
    return codec_of(next((name for name in _USUAL if name in same), best.encoding))


def as_read(kind: str, text: str, mode: str) -> str:
    """The text of a file as it is, or as Markdown."""
    if kind == "html":
        return _page(text, mode)
    if mode != "markdown":
        return text
    if kind == "csv":
        return as_markdown(_csv(text, header=False))
    return f"```json\n{text.strip()}\n```" if kind == "json" else text


def _page(text: str, mode: str) -> str:
    try:
        # All of it: who uploads a page means what is in it.
        page = read_page(text, "", form="markdown" if mode == "markdown" else "text", whole=True)
    except PageUnreadable as error:
        raise NodeError("file_unreadable", f"The page: {error}", field="file") from error
    return str(page["text"])


def _page_tables(text: str) -> list[list[list[str]]]:
    try:
        tables: list[list[list[str]]] = html_value(text)["tables"]
    except TextUnreadable as error:
        raise NodeError("file_unreadable", f"The page: {error}", field="file") from error
    return tables


def rows_of(kind: str, text: str, *, header: bool, table: int) -> list[Any]:
    """The rows of a file: of CSV, of a JSON list, or of a table on a page or in Markdown."""
    if kind == "json":
        return _json_rows(text)
    if kind == "html":
        return chosen(_page_tables(text), table, header=header)
    if kind == "md":
        return chosen(_markdown_tables(text), table, header=header)
    return _csv(text, header=header)


def chosen(tables: list[list[list[str]]], number: int, *, header: bool) -> list[Any]:
    """The rows of one of a document's tables, counted from 1."""
    if not tables:
        message = "The file holds no table. Read it in the mode text or markdown."
        raise NodeError("table_missing", message, field="mode")
    if not 1 <= number <= len(tables):
        message = f"The file has {len(tables)} tables; choose one from 1 on."
        raise NodeError("table_missing", message, field="table")
    rows = tables[number - 1]
    return as_objects(rows) if header else rows


def _csv(text: str, *, header: bool) -> list[Any]:
    try:
        return csv_value(text, "", header=header)
    except TextUnreadable as error:
        raise NodeError(
            "file_unreadable", f"The file is no table. {error}", field="file"
        ) from error


def _json_rows(text: str) -> list[Any]:
    try:
        value = read_json(text)
    except RecursionError:
        raise NodeError("file_unreadable", "The JSON is nested too deeply.", field="file") from None
    except ValueError as error:
        raise NodeError(
            "file_unreadable", f"The file is no JSON: {error}.", field="file"
        ) from error
    if isinstance(value, dict):
        # {"rows": [...]} is as usual as the list alone.
        lists = [one for one in value.values() if isinstance(one, list)]
        value = lists[0] if len(lists) == 1 else [value]
    entries = value if isinstance(value, list) else [value]
    return [entry if isinstance(entry, dict | list) else {"value": entry} for entry in entries]


def _markdown_tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text: lines of cells between bars below a line of dashes."""
    tables: list[list[list[str]]] = []
    lines = text.split("\n")
    at = 0
    while at + 1 < len(lines):
        if "|" not in lines[at] or not re.fullmatch(r"[\s|:-]*-[\s|:-]*", lines[at + 1]):
            at += 1
            continue
        rows = [_cells(lines[at])]
        at += 2
        while at < len(lines) and "|" in lines[at]:
            rows.append(_cells(lines[at]))
            at += 1
        tables.append(rows)
    return tables


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", bare)]
