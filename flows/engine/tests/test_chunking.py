"""Texts are cut where a reader would cut them, and nothing of them is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.engine.chunking import pieces

GUIDE = """# Guide

Welcome. This is the guide.

## Install

Download the file. Run it. It asks for a folder.

### On Windows

Use the installer. It takes a minute.

```
# no heading, a comment
```

## Remove

Delete the folder.
"""
PARTS = ["a", "bc", " ", "\n", "\n\n", ". ", "\n# ", "é", "\u0301", "😀", "漢", "。", "\n```\n"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=200).map("".join)


@given(text=TEXTS, size=st.integers(1, 60), part=st.floats(0, 0.5), markdown=st.booleans())
def test_every_text_is_covered_in_order_by_slices_that_fit(
    text: str, size: int, part: float, markdown: bool
) -> None:
    overlap = int(size * part)
    made = pieces(text, size=size, overlap=overlap, markdown=markdown)
    assert made == pieces(text, size=size, overlap=overlap, markdown=markdown)
    seen, end = [False] * len(text), 0
    for piece in made:
        assert 0 < len(piece.text) <= size
        assert text[piece.start : piece.start + len(piece.text)] == piece.text
        assert piece.text == piece.text.strip()
        stop = piece.start + len(piece.text)
        assert stop > end
        assert end - piece.start <= overlap
        end = stop
        seen[piece.start : stop] = [True] * len(piece.text)
    assert all(found or text[at].isspace() for at, found in enumerate(seen))


@given(words=st.lists(st.sampled_from(["one", "three", "seventeen"]), min_size=1))
def test_no_word_that_fits_is_cut(words: list[str]) -> None:
    text = " ".join(words)
    for piece in pieces(text, size=20, overlap=5):
        assert set(piece.text.split()) <= {"one", "three", "seventeen"}


def test_pieces_end_with_sections_and_know_the_headings_above() -> None:
    made = pieces(GUIDE, size=90, overlap=0)
    assert [piece.heading for piece in made] == [
        "Guide",
        "Guide › Install",
        "Guide › Install › On Windows",
        "Guide › Remove",
    ]
    assert made[2].text.startswith("### On Windows")
    assert "# no heading" in made[2].text


def test_neighbours_share_whole_sentences() -> None:
    text = " ".join(f"Sentence number {n} ends here." for n in range(8))
    first, second = pieces(text, size=120, overlap=40)[:2]
    assert first.text.endswith("number 3 ends here.")
    assert second.text.startswith("Sentence number 3 ends here.")


def test_a_paragraph_ends_a_piece_that_is_half_full() -> None:
    text = "First one. " * 7 + "\n\n" + "Second one. " * 7
    made = pieces(text, size=110, overlap=0)
    assert [piece.text[:6] for piece in made] == ["First ", "Second"]


def test_short_sections_share_a_piece_under_the_heading_above_them() -> None:
    (made,) = pieces("# A\n\n## B\n\nx\n\n## C\n\ny", size=100, overlap=0)
    assert made.heading == "A"
    assert [p.heading for p in pieces("# not one", markdown=False)] == [""]


def test_a_row_of_accents_is_cut_all_the_same() -> None:
    accents = "\u0301" * 5
    assert len(pieces(accents, size=1, overlap=0)) == 5
    assert "".join(piece.text for piece in pieces(accents, size=2, overlap=0)) == accents


def test_an_accent_stays_with_its_letter() -> None:
    assert [piece.text for piece in pieces("aaae\u0301b", size=4, overlap=0)] == ["aaa", "e\u0301b"]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 6), (10, -1)])
def test_sizes_that_make_no_sense_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="half the size"):
        pieces("x", size=size, overlap=overlap)
