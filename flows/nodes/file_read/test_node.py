"""Files of every kind are read; broken, locked and hostile ones say so and harm nobody."""

import base64
import io
import zipfile
import zlib
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.node_call import check_config
from flows.engine.tests.support import FakeContext, node_type, perform


def read(name: str, content: bytes, **config: Any) -> dict[str, Any]:
    world = FakeContext()
    file = {"id": world.files.add(name, content)}
    return perform("file_read", {"file": file, **config}, world).output


def refusal(name: str, content: bytes, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as refused:
        read(name, content, **config)
    return refused.value


# Texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "encoding", "found"),
    [
        ("Grüße".encode(), "", "utf-8"),
        (b"\xef\xbb\xbf" + "Grüße".encode(), "", "utf-8"),
        ("Grüße".encode("utf-16"), "", "utf-16"),
        ("Grüße".encode("utf-16-be"), "utf-16-be", "utf-16-be"),
        ("Grüße an die Bäckerei über der Straße".encode("cp1252"), "", "cp1252"),
        ("Grüße".encode("cp850"), "iso-8859-1", "latin-1"),
    ],
)
def test_texts_are_read_in_their_encoding(content: bytes, encoding: str, found: str) -> None:
    made = read("a.txt", content, encoding=encoding)
    assert made["metadata"]["encoding"] == found
    if found != "latin-1":
        assert made["text"].startswith("Grüße")
    assert (made["rows"], made["metadata"]["size"]) == ([], len(content))


def test_an_encoding_that_nobody_knows_is_refused_before_anything_is_read() -> None:
    with pytest.raises(NodeError, match="no encoding that is read"):
        check_config(node_type("file_read"), {"file": "x", "encoding": "punycode"})


def test_cyrillic_without_a_mark_is_guessed() -> None:
    text = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 5
    assert read("a.txt", text.encode("cp1251"))["text"] == text


HTML = b"<html><head><title>T</title></head><body><h1>Hi</h1><table><tr><th>a</th><th>b</th></tr>"
HTML += b"<tr><td>1</td><td>2</td></tr></table><script>x()</script></body></html>"
MARKDOWN = b"# Head\n\n| a | b |\n|---|---|\n| 1 | x\\|y |\n"


@pytest.mark.parametrize(
    ("name", "content", "config", "rows"),
    [
        ("a.csv", b"a;b\n1;2\n", {}, [{"a": "1", "b": "2"}]),
        ("a.tsv", b"a\tb\n1\t2\n", {"header": False}, [["a", "b"], ["1", "2"]]),
        ("a.txt", b"a,b\n1,2\n", {}, [{"a": "1", "b": "2"}]),
        ("a.json", b'[{"a": 1}, 2]', {}, [{"a": 1}, {"value": 2}]),
        ("a.json", b'{"rows": [{"a": 1}], "n": 1}', {}, [{"a": 1}]),
        ("a.html", HTML, {}, [{"a": "1", "b": "2"}]),
        ("a.md", MARKDOWN, {}, [{"a": "1", "b": "x|y"}]),
        ("a.md", MARKDOWN, {"table": 1, "header": False}, [["a", "b"], ["1", "x|y"]]),
    ],
)
def test_texts_are_read_as_rows(name: str, content: bytes, config: Any, rows: Any) -> None:
    assert read(name, content, mode="table", **config)["rows"] == rows


def test_texts_are_read_as_markdown() -> None:
    assert read("a.csv", b"a,b\n1,x|y\n", mode="markdown")["text"] == (
        "| a | b |\n| --- | --- |\n| 1 | x\\|y |"
    )
    page = read("a.html", HTML, mode="markdown")["text"]
    assert page == "# Hi\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert "x()" not in page
    assert read("a.json", b'{"a": 1}', mode="markdown")["text"] == '```json\n{"a": 1}\n```'


def test_bytes_are_handed_on_in_base64_and_an_empty_file_is_empty() -> None:
    made = read("a.bin", b"\x00\x01", mode="bytes")
    assert base64.b64decode(made["text"]) == b"\x00\x01"
    for name in ("a.txt", "a.pdf", "a.csv"):
        assert read(name, b"")["text"] == ""


@pytest.mark.parametrize(
    ("name", "content", "config", "code", "words"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", {}, "file_format_unsupported", "image/png"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", {}, "file_format_unsupported", "docx"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            {},
            "file_encrypted",
            "password",
        ),
        ("a.csv", b'a,b\n"1,2\n', {"mode": "table"}, "file_unreadable", "no CSV"),
        ("a.json", b"{bad", {"mode": "table"}, "file_unreadable", "no JSON"),
        ("a.json", b"[" * 100_000, {"mode": "table"}, "file_unreadable", "JSON"),
        ("a.html", b"<html><p>x</p>", {"mode": "table"}, "table_missing", "no table"),
        ("a.md", MARKDOWN, {"mode": "table", "table": 2}, "table_missing", "1 tables"),
        ("a.pdf", b"%PDF-1.7", {"mode": "table"}, "table_missing", "PDF"),
    ],
)
def test_what_cannot_be_read_says_why(
    name: str, content: bytes, config: Any, code: str, words: str
) -> None:
    error = refusal(name, content, **config)
    assert error.code == code
    assert words in error.message
    assert error.retryable is False


def test_a_file_that_is_not_there_is_an_error_of_the_field() -> None:
    with pytest.raises(NodeError) as missing:
        perform("file_read", {"file": {"id": "x"}}, FakeContext())
    assert (missing.value.code, missing.value.field) == ("file_missing", "file")


# PDF ------------------------------------------------------------------------------------------


def pdf(*pages: list[tuple[str, int]]) -> bytes:
    """Pages of lines, each with the size of its letters."""
    from reportlab.pdfgen.canvas import Canvas

    made = io.BytesIO()
    canvas = Canvas(made)
    canvas.setTitle("Annual report")
    for lines in pages:
        for at, (text, size) in enumerate(lines):
            canvas.setFont("Helvetica", size)
            canvas.drawString(72, 750 - 30 * at, text)
        canvas.showPage()
    canvas.save()
    return made.getvalue()


REPORT = pdf([("Results", 24), ("We sold tea.", 11), ("And more tea.", 11)], [("The end", 11)], [])


def test_a_pdf_gives_its_text_and_headings_by_the_size_of_letters() -> None:
    made = read("report.pdf", REPORT, mode="markdown")
    assert made["text"] == "# Results\n\nWe sold tea.\nAnd more tea.\n\nThe end"
    facts = made["metadata"]
    assert (facts["pages"], facts["pages_without_text"]) == (3, 1)
    assert (facts["title"], facts["format"]) == ("Annual report", "pdf")


@pytest.mark.parametrize(("user", "code"), [("secret", "file_encrypted"), ("", None)])
def test_a_pdf_with_a_password_says_so_unless_it_opens_without(user: str, code: Any) -> None:
    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=io.BytesIO(REPORT))
    writer.encrypt(user, owner_password="owner", algorithm="AES-256")
    made = io.BytesIO()
    writer.write(made)
    if code is None:
        assert "We sold tea." in read("a.pdf", made.getvalue())["text"]
    else:
        assert refusal("a.pdf", made.getvalue()).code == code


def bomb_pdf() -> bytes:
    """Some kilobytes that unfold to 120 MB of drawing."""
    body = b"%PDF-1.4\n"
    stream = zlib.compress(zlib.compress(b"BT /F 9 Tf (x) Tj ET\n" * 6_000_000, 1), 9)
    filters = b"[/FlateDecode /FlateDecode]"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 9 9]"
        b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        b"<</Length %d/Filter %s>>stream\n%s\nendstream" % (len(stream), filters, stream),
    ]
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 5\n0000000000 65535 f \n%strailer<</Root 1 0 R/Size 5>>\nstartxref\n%d\n%%%%EOF"
    return body + end % (table, len(body))


# Office ---------------------------------------------------------------------------------------


def docx() -> bytes:
    from docx import Document

    document = Document()
    document.core_properties.title = "Plan"
    document.add_heading("Goals", 1)
    document.add_paragraph("Sell tea,\tand more.")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Number")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        [*table.rows[0].cells, *table.rows[1].cells], ["name", "price", "tea", "3"], strict=True
    ):
        cell.text = text
    document.add_paragraph("The end")
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def test_a_docx_gives_headings_lists_and_tables_in_their_order() -> None:
    content = docx()
    made = read("plan.docx", content, mode="markdown")
    assert made["text"] == (
        "# Goals\n\nSell tea,\tand more.\n\n- first\n1. second\n\n"
        "| name | price |\n| --- | --- |\n| tea | 3 |\n\nThe end"
    )
    assert made["metadata"]["title"] == "Plan"
    assert read("plan.docx", content, mode="table")["rows"] == [{"name": "tea", "price": "3"}]


def xlsx() -> bytes:
    import datetime

    from openpyxl import Workbook

    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "Empty"
    sheet = book.create_sheet("Prices")
    sheet.append(["name", "price", "day", None, "name"])
    sheet.append(["tea", 2.5, datetime.date(2026, 11, 26), None, True])
    sheet["A50000"] = "=1+1"
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def test_an_xlsx_gives_the_values_of_its_sheets() -> None:
    content = xlsx()
    made = read("prices.xlsx", content, mode="table")
    row = {"name": "tea", "price": 2.5, "day": "2026-11-26", "column_4": None, "name_2": True}
    assert made["rows"] == [row]
    assert (made["metadata"]["sheet"], made["metadata"]["sheets"]) == (
        "Prices",
        ["Empty", "Prices"],
    )
    text = read("prices.xlsx", content, mode="markdown", sheet="2")["text"]
    assert text.startswith("## Prices\n\n| name | price | day |  | name |\n| --- |")
    assert refusal("prices.xlsx", content, sheet="Cost").code == "sheet_missing"


def changed(content: bytes, part: str, change: Any) -> bytes:
    """A document with one part changed; `change` takes and gives its bytes."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as before,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            data = before.read(name)
            after.writestr(name, change(data) if name == part else data)
    return made.getvalue()


LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
)


def declaring(data: bytes) -> bytes:
    head, _, rest = data.partition(b"?>")
    return head + b"?>" + LAUGHS + rest


def hostile() -> list[tuple[str, bytes, str]]:
    # Its directory says so before anything is unpacked.
    huge = bytearray(xlsx())
    entry = huge.index(b"PK\x01\x02")
    huge[entry + 24 : entry + 28] = (310_000_000).to_bytes(4, "little")
    return [
        ("laughs.docx", changed(docx(), "word/document.xml", declaring), "file_unreadable"),
        ("laughs.xlsx", changed(xlsx(), "xl/workbook.xml", declaring), "file_unreadable"),
        ("bomb.xlsx", bytes(huge), "file_too_complex"),
        ("short.docx", docx()[:-700], "file_unreadable"),
        ("short.pdf", REPORT[:120], "file_unreadable"),
        ("none.docx", changed(docx(), "word/document.xml", lambda d: d[:90]), "file_unreadable"),
        ("other.docx", xlsx(), ""),
    ]


def test_s7_broken_and_hostile_documents_are_refused_and_harm_nobody() -> None:
    for name, content, code in hostile():
        if code:
            error = refusal(name, content)
            assert (error.code, error.field) == (code, "file"), name
        else:
            # What it is its bytes tell: a workbook that is called a document is one all the same.
            assert read(name, content)["metadata"]["format"] == "xlsx"


def test_s7_a_document_that_unfolds_without_end_ends_its_own_process_only() -> None:
    error = refusal("bomb.pdf", bomb_pdf())
    assert (error.code, error.field) == ("file_too_complex", "file")
