"""Cuts a text into pieces for retrieval: at headings, paragraphs, sentences, words.

Every piece is a slice of the text as it stands, so that a match can be shown in its place. Cuts
never fall inside a word, unless one word alone is longer than a piece.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Characters of a piece that a collection may ask for, and what it asks for by itself.
LEAST_SIZE, MOST_SIZE = 100, 8_000
DEFAULT_SIZE, DEFAULT_OVERLAP = 1_000, 150
#: Characters of a heading path; the innermost headings are kept.
HEADING_LENGTH = 300
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<=[。！？])|\n")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Piece:
    """`text` is `whole[start:start + len(text)]`; `heading` is the path of headings above it."""

    text: str
    start: int
    heading: str


@dataclass(frozen=True)
class _Unit:
    """What is not cut further. `rank`: 2 begins a section, 1 a paragraph, 0 neither."""

    start: int
    end: int
    rank: int
    headings: tuple[str, ...]


def pieces(
    text: str,
    *,
    size: int = DEFAULT_SIZE,
    overlap: int = DEFAULT_OVERLAP,
    markdown: bool = True,
) -> list[Piece]:
    """The text in pieces of at most `size` characters; neighbours share up to `overlap`.

    All but white space is in some piece, and in the order of the text. `markdown`: lines that
    begin with # are headings. Raises ValueError where sizes make no sense.
    """
    if size < 1 or not 0 <= overlap <= size // 2:
        raise ValueError("the overlap has to be between 0 and half the size of a piece")
    units = list(_units(text, size, markdown))
    made: list[Piece] = []
    first = done = 0
    while done < len(units):
        last = _end_of_piece(units, first, done, size)
        headings = _common(units[first].headings, units[last - 1].headings)
        start = units[first].start
        made.append(Piece(text[start : units[last - 1].end], start, _path(headings)))
        first, done = _shared_from(units, first, last, size, overlap), last
    return made


def _end_of_piece(units: list[_Unit], first: int, done: int, size: int) -> int:
    """One past the last unit of the piece that begins at `first` and holds unit `done`."""
    start, last = units[first].start, done + 1
    best = 0
    while last < len(units) and units[last].end - start <= size:
        if units[last].rank and units[last - 1].end - start >= size // 2:
            if units[last].rank == 2:
                return last
            best = last
        last += 1
    # Rather at the end of a paragraph, as long as the piece is half full.
    return best if best and last < len(units) and not units[last].rank else last


def _shared_from(units: list[_Unit], first: int, last: int, size: int, overlap: int) -> int:
    """Where the next piece begins: some units of this one are repeated, but not across sections."""
    begin = last
    if last == len(units) or units[last].rank == 2:
        return begin
    while (
        begin - 1 > first
        and units[last - 1].end - units[begin - 1].start <= overlap
        and units[last].end - units[begin - 1].start <= size
        and units[begin].rank != 2
    ):
        begin -= 1
    return begin


def _units(text: str, size: int, markdown: bool) -> Iterator[_Unit]:
    for start, end, rank, headings in _paragraphs(text, markdown):
        for low, high in _sentences(text, start, end):
            for begin, stop in _fitting(text, low, high, size):
                yield _Unit(begin, stop, rank, headings)
                rank = 0


def _paragraphs(text: str, markdown: bool) -> Iterator[tuple[int, int, int, tuple[str, ...]]]:
    """(start, end, rank, headings) of what lies between blank lines and headings."""
    headings: list[tuple[int, str]] = []
    at, rank, begin, fenced = 0, 1, None, False
    for line in text.splitlines(keepends=True):
        if markdown and _FENCE.match(line):
            fenced = not fenced
        heading = _HEADING.match(line) if markdown and not fenced and "#" in line else None
        if begin is not None and (heading or not line.strip()):
            yield begin, at, rank, tuple(title for _, title in headings)
            begin, rank = None, 1
        if heading:
            level = len(heading[1])
            headings = [above for above in headings if above[0] < level]
            headings.append((level, " ".join(heading[2].split())))
            rank = 2
        if begin is None and line.strip():
            begin = at
        at += len(line)
    if begin is not None:
        yield begin, at, rank, tuple(title for _, title in headings)


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    low = start
    for found in _SENTENCE_ENDS.finditer(text, start, end):
        yield low, found.end()
        low = found.end()
    yield low, end


def _fitting(text: str, low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    """A sentence without the white space around it; by words where it is too long for a piece."""
    while low < high and text[low].isspace():
        low += 1
    while low < high and text[high - 1].isspace():
        high -= 1
    if low < high <= low + size:
        yield low, high
    elif low < high:
        for word in _WORD.finditer(text, low, high):
            yield from _cut(text, word.start(), word.end(), size)


def _cut(text: str, low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    while high - low > size:
        stop = low + size
        # An accent stays with its letter; a row of nothing but accents is cut all the same.
        while stop > low + max(1, size // 2) and unicodedata.combining(text[stop]):
            stop -= 1
        yield low, stop
        low = stop
    yield low, high


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The headings above both; a piece of one section has all of them."""
    for length in range(min(len(one), len(other)), 0, -1):
        if one[:length] == other[:length]:
            return one[:length]
    return ()


def _path(headings: tuple[str, ...]) -> str:
    return " › ".join(headings)[-HEADING_LENGTH:]
