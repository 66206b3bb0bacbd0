"""Text that stays text in Markdown, whatever signs it holds."""

import re

#: What would begin something else than text: anywhere, and at the beginning of a line.
_SPECIAL = re.compile(r"[\\`*\[\]<]|(?<!\w)_|_(?!\w)|~~|&(?=#?\w+;)")
_BEGINNING = re.compile(r"(?:#{1,6}(?= |$)|[-+](?= |$)|>|=+$|~{3,}|-{3,}$)")
_NUMBER = re.compile(r"(\d{1,9})([.)])(?= |$)")


def longest_run(text: str) -> int:
    """Backticks that stand side by side at most: what encloses the text needs more."""
    return max((len(run) for run in re.findall("`+", text)), default=0)


def escaped(text: str) -> str:
    """Text whose signs mean nothing within a line; `begun` is for its beginning."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


def begun(line: str) -> str:
    """A line of text that begins nothing else."""
    if _BEGINNING.match(line):
        return "\\" + line
    return _NUMBER.sub(r"\1\\\2", line, count=1) if _NUMBER.match(line) else line
