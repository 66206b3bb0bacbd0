"""Fonts for PDF: two families that come as packages, and others to fall back on.

Fira Sans has Latin, Greek and Cyrillic letters, IBM Plex Mono those of programs. Whoever writes in
other scripts installs another package of the same kind (`fontpkg-noto-sans-thai`): its letters are
taken from there.
"""

from functools import cache
from pathlib import Path
from typing import Any

SANS, MONO = "FiraSans", "IBMPlexMono"
_FAMILIES = {SANS: "Fira Sans", MONO: "IBM Plex Mono"}
#: What needs no glyph: joiners, direction marks, variation selectors.
_INVISIBLE = {0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)}
#: Stands for a character that no font has.
MISSING = "?"
#: Signs that are drawn by others where no font has them.
_LIKE = {
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    **dict.fromkeys("✔✅☑", "✓"),
    **dict.fromkeys("✗✘❌☒", "×"),
    **dict.fromkeys("●⚫", "•"),
    **dict.fromkeys("‐‑", "-"),
    "☐": "[ ]",
    "➜": "→",
}


@cache
def register() -> None:
    """Make the families known to reportlab, in regular, bold, italic and both."""
    import fontpkg
    from reportlab.pdfbase import pdfmetrics

    for name, family in _FAMILIES.items():
        for ending, weight, style in (
            ("", 400, "normal"),
            ("-Bold", 700, "normal"),
            ("-Italic", 400, "italic"),
            ("-BoldItalic", 700, "italic"),
        ):
            _register(f"{name}{ending}", fontpkg.path(family, weight=weight, style=style))
        looks = [f"{name}{ending}" for ending in ("", "-Bold", "-Italic", "-BoldItalic")]
        pdfmetrics.registerFontFamily(name, *looks)


def _register(name: str, path: Path) -> Any:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    font = TTFont(name, str(path))
    pdfmetrics.registerFont(font)
    return font


@cache
def _letters(name: str) -> frozenset[int]:
    from reportlab.pdfbase import pdfmetrics

    return frozenset(pdfmetrics.getFont(name).face.charToGlyph)


@cache
def others() -> tuple[str, ...]:
    """Names of other installed fonts, with glyphs that reportlab can embed."""
    import fontpkg

    found = []
    for family in sorted(str(one) for one in fontpkg.families()):
        if family in ("fira-sans", "ibm-plex-mono"):
            continue
        try:
            path = fontpkg.path(family, weight=400, nearest=True)
            found.append(_register(f"other-{family}", path).fontName)
        except Exception:
            continue
    return tuple(found)


def font_with(name: str, letter: str) -> str | None:
    """The font of `name`, or another one, that has this letter; None where none has."""
    code = ord(letter)
    for candidate in (name, SANS, MONO, *others()):
        if code in _letters(candidate):
            return candidate
    return None


def drawn(text: str, name: str) -> tuple[list[tuple[str, str]], int]:
    """Pieces of a text with the font of each, and how many letters no font has.

    Control characters are left out.
    """
    known = _letters(name)
    if all(ord(letter) in known for letter in text):
        return [(name, text)], 0
    pieces: list[tuple[str, str]] = []
    missing = 0
    for letter in text:
        if ord(letter) in _INVISIBLE or (letter < " " and letter not in "\n\t"):
            continue
        font, shown = _drawn_letter(letter, name)
        missing += shown == MISSING != letter
        if pieces and pieces[-1][0] == font:
            pieces[-1] = (font, pieces[-1][1] + shown)
        else:
            pieces.append((font, shown))
    return pieces, missing


def _drawn_letter(letter: str, name: str) -> tuple[str, str]:
    """The font of a letter and what is drawn: the letter, a sign like it, or MISSING."""
    if letter in "\n\t":
        return name, letter
    for shown in (letter, _LIKE.get(letter, "")):
        font = font_with(name, shown[0]) if shown else None
        if font is not None:
            return font, shown
    return name, MISSING
