"""PDF: the text of its pages, with lines in large letters as headings. Runs in its own process."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from flows.engine.errors import NodeError
from flows.nodes.file_read.office import encrypted, unreadable
from flows.nodes.file_read.tables import too_many

MAX_PAGES = 2_000
MAX_CHARACTERS = 10_000_000
#: How much larger than most of the text a heading's letters are, and its most characters.
_LARGER = 1.15
_LONGEST_HEADING = 200


def read(content: bytes, options: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """`{text, metadata}`; options: `markdown`. Raises NodeError."""
    from pypdf.errors import LimitReachedError, PyPdfError

    try:
        return _read(content, markdown=bool(options.get("markdown"))), b""
    except NodeError:
        raise
    except (MemoryError, RecursionError):
        raise
    except LimitReachedError as error:
        message = "A page of the PDF unfolds to more than is read. Print it anew, or split it."
        raise NodeError("file_too_complex", message, field="file") from error
    except PyPdfError as error:
        raise unreadable("it is no whole PDF.") from error
    except Exception as error:
        # The reader meets broken files with all kinds of errors.
        raise unreadable(f"it is no whole PDF ({type(error).__name__}).") from error


def _read(content: bytes, *, markdown: bool) -> dict[str, Any]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content), strict=False)
    # Many files are locked against changes only, and open without a password.
    if reader.is_encrypted and not reader.decrypt(""):
        raise encrypted()
    count = len(reader.pages)
    if count > MAX_PAGES:
        raise too_many(f"{MAX_PAGES:,} pages")
    if count == 0:
        raise unreadable("it has no pages.")
    pages, left = [], MAX_CHARACTERS
    for page in reader.pages:
        lines = list(_lines(page)) if markdown else [(_tidy(page.extract_text()), 0.0)]
        pages.append(lines)
        left -= sum(len(text) for text, _ in lines)
        if left < 0:
            raise too_many(f"{MAX_CHARACTERS:,} characters")
    texts = _with_headings(pages) if markdown else [text for [(text, _)] in pages]
    facts = reader.metadata
    return {
        "text": "\n\n".join(text for text in texts if text),
        "metadata": {
            "format": "pdf",
            "pages": count,
            "pages_without_text": sum(not text for text in texts),
            "title": str((facts and facts.title) or ""),
            "author": str((facts and facts.author) or ""),
        },
    }


def _tidy(text: str) -> str:
    lines = (line.rstrip() for line in text.replace("\r", "\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _lines(page: Any) -> Iterator[tuple[str, float]]:
    """The lines of a page, each with the size of its letters in points."""
    pieces: list[tuple[str, float]] = []

    def visit(text: str, cm: Any, tm: Any, font: Any, size: Any) -> None:
        if text:
            height = abs(float(tm[3] or tm[1] or 1) * float(cm[3] or cm[1] or 1) * float(size or 0))
            pieces.append((text, round(height, 1)))

    page.extract_text(visitor_text=visit)
    line, sizes = "", Counter[float]()
    for text, size in pieces:
        first, *others = text.split("\n")
        line += first
        sizes[size] += len(first.strip())
        for other in others:
            yield line.strip(), max(sizes, key=sizes.__getitem__)
            line, sizes = other, Counter({size: len(other.strip())})
    if line.strip():
        yield line.strip(), max(sizes, key=sizes.__getitem__)


def _with_headings(pages: list[list[tuple[str, float]]]) -> list[str]:
    """Each page in Markdown: lines in larger letters than most are headings, by three sizes."""
    weights = Counter[float]()
    for page in pages:
        for text, size in page:
            weights[size] += len(text)
    usual = max(weights, key=weights.__getitem__, default=0.0)
    larger = {size for page in pages for text, size in page if text and size > usual * _LARGER}
    levels = {size: min(rank, 3) for rank, size in enumerate(sorted(larger, reverse=True), 1)}
    return [_tidy("\n".join(_marked(page, levels))) for page in pages]


def _marked(page: list[tuple[str, float]], levels: dict[float, int]) -> Iterator[str]:
    for text, size in page:
        level = levels.get(size) if len(text) <= _LONGEST_HEADING else None
        if level and text:
            yield f"\n{'#' * level} {text}\n"
        else:
            yield re.sub(r"^[•●▪‣∙]\s*", "- ", text)
