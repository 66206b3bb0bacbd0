"""Texts of the usual formats as data."""

import csv
import re
from io import StringIO
from typing import Any
from xml.parsers.expat import ExpatError

from flows.engine.document_text import read_yaml
from flows.engine.errors import DocumentInvalid
from flows.engine.model_answer import AnswerUnreadable, json_of
from flows.engine.web_page import PageUnreadable, page_of

#: Characters of a text.
MAX_CHARACTERS = 20_000_000
#: Cells of a table.
MAX_CELLS = 2_000_000
#: Characters of YAML: reading them takes half a second for each million.
MAX_YAML = 5_000_000
_DELIMITERS = (",", ";", "\t", "|")
_DECLARED = re.compile(r"<!ENTITY|<!DOCTYPE[^>]*\[", re.IGNORECASE)
_USED = re.compile(r"&(?!#|amp;|lt;|gt;|quot;|apos;)\w+;")

# One limit for all of the process, and 131,072 where nobody sets it.
csv.field_size_limit(MAX_CHARACTERS)


class TextUnreadable(Exception):
    """A text that is not what it should be; the message says why."""


def json_value(text: str) -> Any:
    """JSON: alone, in a code fence, or after some words, as models answer. TextUnreadable."""
    try:
        return json_of(text)
    except AnswerUnreadable as error:
        raise TextUnreadable(str(error)) from error


def yaml_value(text: str) -> Any:
    """YAML without anchors and tags. Raises TextUnreadable."""
    if len(text) > MAX_YAML:
        raise TextUnreadable(f"It is longer than {MAX_YAML:,} characters.")
    try:
        return read_yaml(text)
    except DocumentInvalid as error:
        raise TextUnreadable(" ".join(problem.message for problem in error.problems)) from error


def csv_value(text: str, delimiter: str, *, header: bool) -> list[Any]:
    """Rows of texts: objects by the names of the first row, or lists. Raises TextUnreadable."""
    text = text.removeprefix("\ufeff")
    separator = delimiter or _delimiter_of(text)
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
        rows, cells = [], 0
        for row in reader:
            cells += len(row)
            if cells > MAX_CELLS:
                raise TextUnreadable(f"It has more than {MAX_CELLS:,} cells.")
            if row:
                rows.append(row)
    except csv.Error as error:
        raise TextUnreadable(f"It is no CSV: {error} (line {reader.line_num}).") from error
    if not header:
        return rows
    return _as_objects(rows)


def _delimiter_of(text: str) -> str:
    """The character that stands most often between the cells of the first line."""
    first = next((line for line in text[:100_000].splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(_DELIMITERS, key=bare.count)


def _as_objects(rows: list[list[str]]) -> list[dict[str, str | None]]:
    if not rows:
        return []
    width = max(len(row) for row in rows)
    names = _column_names(rows[0], width)
    if width * len(rows) > MAX_CELLS:
        raise TextUnreadable(f"It has more than {MAX_CELLS:,} cells.")
    missing: list[str | None] = [None] * width
    return [dict(zip(names, [*row, *missing[len(row) :]], strict=True)) for row in rows[1:]]


def _column_names(first: list[str], width: int) -> list[str]:
    """Names that differ: `name`, `name_2`, and `column_3` for one without."""
    names: dict[str, None] = {}
    for index in range(width):
        written = first[index].strip() if index < len(first) else ""
        wanted = written or f"column_{index + 1}"
        name, number = wanted, 1
        while name in names:
            number += 1
            name = f"{wanted}_{number}"
        names[name] = None
    return list(names)


def xml_value(text: str) -> Any:
    """XML as objects: attributes as `@name`, text beside them as `#text`. Raises TextUnreadable."""
    import xmltodict

    if _DECLARED.search(text) or ("<!DOCTYPE" in text and _USED.search(text)):
        raise TextUnreadable("It has entities of its own, which are not read. Write them out.")
    try:
        # As bytes, so that an encoding that it names counts no more than what was read already.
        return xmltodict.parse(text.encode("utf-8", "replace"), encoding="utf-8")
    except (ExpatError, ValueError) as error:
        raise TextUnreadable(f"It is no XML: {error}.") from error


def html_value(text: str) -> Any:
    """What a web page says; see `page_of`. Raises TextUnreadable."""
    try:
        return page_of(text)
    except PageUnreadable as error:
        raise TextUnreadable(str(error)) from error
