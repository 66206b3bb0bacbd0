"""Files that are text: txt, md, json, csv and html."""

import csv
import html
import io
import re
from typing import Any

from flows.nodes.file_write.blocks import html_of
from flows.nodes.file_write.content import as_json, markdown_of, pretty, rows_of, shown

#: What a spreadsheet takes for a formula (OWASP, CSV injection).
_FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,]*|\.\d+)(?:[eE][+-]?\d{1,3})?%?")
_IS_PAGE = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html)\b", re.IGNORECASE | re.DOTALL)
_STYLE = """
  :root { color-scheme: light dark; }
  body { margin: 0 auto; max-width: 42rem; padding: 3rem 1.25rem; font: 1.0625rem/1.65 Inter,
    "Fira Sans", system-ui, sans-serif; color: #171a26; background: #fff; }
  h1, h2, h3, h4, h5, h6 { line-height: 1.25; margin: 2em 0 0.6em; }
  h1 { font-size: 2rem; margin-top: 0; } h2 { font-size: 1.5rem; } h3 { font-size: 1.2rem; }
  pre, code { font-family: "IBM Plex Mono", ui-monospace, monospace; font-size: 0.9em; }
  pre { padding: 1rem; overflow-x: auto; border-radius: 0.5rem; background: #f1f3f9; }
  blockquote { margin: 1.5em 0; padding-left: 1rem; border-left: 3px solid #dfe3ee;
    color: #5b6275; }
  table { border-collapse: collapse; margin: 1.5em 0; font-size: 0.95em; }
  th, td { padding: 0.45em 0.8em; border-bottom: 1px solid #dfe3ee; text-align: left;
    vertical-align: top; }
  th { border-bottom-width: 2px; } a { color: #4f46e5; }
  hr { border: 0; border-top: 1px solid #dfe3ee; }
  @media (prefers-color-scheme: dark) {
    body { color: #e8ebf4; background: #0d1018; } pre { background: #1d2231; } a { color: #818cf8; }
    th, td, blockquote, hr { border-color: #2b3246; } blockquote { color: #9aa3b8; } }
  @media print { body { max-width: none; padding: 0; } pre, tr { break-inside: avoid; } }
"""


def txt(content: Any) -> str:
    """Text as it is; other values as a table with tabs, or as JSON."""
    if isinstance(content, str):
        return content
    text, rows = markdown_of(content)
    if rows:
        return "\n".join("\t".join(cell.replace("\t", " ") for cell in row) for row in rows)
    return pretty(content) if isinstance(content, dict | list) else text


def md(content: Any) -> str:
    """Markdown as it is; rows as a table, other values as JSON in a fence."""
    text, rows = markdown_of(content)
    if not rows:
        return text
    width = max(map(len, rows))
    filled = [[*row, *[""] * (width - len(row))] for row in rows]
    lines = [f"| {' | '.join(map(_md_cell, row))} |" for row in filled]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:], ""])


def _md_cell(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")


def json_text(content: Any) -> str:
    """The value, indented."""
    return pretty(as_json(content)) + "\n"


def csv_text(content: Any, *, safe: bool) -> str:
    """Rows by RFC 4180. `safe`: a quote before what a spreadsheet would calculate."""
    made = io.StringIO()
    writer = csv.writer(made)
    for row in rows_of(content):
        writer.writerow([_csv_cell(cell, safe=safe) for cell in row])
    return made.getvalue()


def _csv_cell(cell: Any, *, safe: bool) -> str:
    text = shown(cell)
    # Numbers may begin with a sign; what is no text cannot be a formula.
    is_text = isinstance(cell, str) and _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if safe and is_text else text


def page(content: bytes, options: dict[str, Any]) -> tuple[None, bytes]:
    """A web page of Markdown or rows; a page that is one already stays as it is.

    Called in a process of its own: Markdown can be written to take very long.
    """
    given = as_json(content.decode()) if options["is_json"] else content.decode()
    if isinstance(given, str) and _IS_PAGE.match(given):
        return None, content
    text, rows = markdown_of(given)
    body = _table(rows) if rows else html_of(text)
    title = html.escape(str(options["title"]))
    return None, (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    ).encode()


def _table(rows: list[list[str]]) -> str:
    first, *others = (
        "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
        for tag, row in zip(["th", *["td"] * (len(rows) - 1)], rows, strict=True)
    )
    body = "\n".join(f"<tr>{row}</tr>" for row in others)
    return f"<table>\n<thead><tr>{first}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n"
