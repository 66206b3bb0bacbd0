"""Files of every format are made, read back, and carry nothing that runs."""

import io
import json
import zipfile
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeContext, perform
from flows.nodes.file_write.blocks import blocks_of, plain
from flows.nodes.file_write.pdf import write as write_pdf

ROWS = [{"name": "tea", "price": 2.5}, {"name": "Kräuter", "price": -3, "note": {"a": 1}}]
MARKDOWN = """# Annual report

We sold **tea** in Österreich, Ελλάδα and Россия; see [the site](https://example.com/?a=1&b=2).
<script>alert(1)</script> and [bad](javascript:alert(1)) ![logo](http://10.0.0.1/x.png)

- first
  - inner
- second

1. one
2. two

> A quote.

```python
print("hello")  # & <b>
```

| name | price |
|------|------:|
| tea  |  2.50 |

3. three
"""


def write(format: str, content: Any, name: str = "report", **config: Any) -> tuple[Any, bytes]:
    world = FakeContext()
    given = {"name": name, "format": format, "content": content, **config}
    output = perform("file_write", given, world).output
    (file, made), *others = world.files.stored.values()
    assert not others
    assert output["file"] == file.as_output()
    assert set(output["file"]) == {"id", "name", "media_type", "size", "url"}
    return output, made


def read_back(format: str, made: bytes, mode: str, **config: Any) -> dict[str, Any]:
    world = FakeContext()
    file = world.files.add(f"x.{format}", made)
    return perform("file_read", {"file": file, "mode": mode, **config}, world).output


def refusal(*args: Any, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as refused:
        write(*args, **config)
    return refused.value


@pytest.mark.parametrize(
    ("format", "content", "made"),
    [
        ("txt", "Grüße\n", "Grüße\n"),
        ("txt", ROWS[:1], "name\tprice\ntea\t2.5"),
        ("txt", {"a": [1]}, '{\n  "a": [\n    1\n  ]\n}'),
        ("md", "# Hi", "# Hi"),
        ("md", [["a", "b"], ["x|y"]], "| a | b |\n| --- | --- |\n| x\\|y |  |\n"),
        ("json", {"ü": 1}, '{\n  "ü": 1\n}\n'),
        ("json", '{"a": 1}', '{\n  "a": 1\n}\n'),
        ("json", "no JSON", '"no JSON"\n'),
    ],
)
def test_texts_are_written_as_they_are_and_values_readably(
    format: str, content: Any, made: str
) -> None:
    assert write(format, content)[1].decode() == made


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("report", "report.csv"),
        ("report.CSV", "report.CSV"),
        ("report.exe", "report.exe.csv"),
        ("../../etc/pass\x00wd", "passwd.csv"),
        ("C:\\x\\report\u202e", "report.csv"),
        ("x" * 300, "x" * 196 + ".csv"),
        ("..", "file.csv"),
    ],
)
def test_s7_a_name_is_a_label_with_the_ending_of_its_format(name: str, label: str) -> None:
    assert write("csv", ROWS, name)[0]["file"]["name"] == label


DANGEROUS = ["=1+1", "+A1", "-A1", "@SUM(A1)", " =1", "\t=1", "＝1"]


def test_s7_no_cell_of_csv_is_a_formula_unless_that_is_wanted() -> None:
    rows = [["text", "number"], *[[text, -5] for text in DANGEROUS], ["-5.5", "+1,000"]]
    made = write("csv", rows)[1].decode("utf-8-sig")
    found = read_back("csv", made.encode(), "table", header=False)["rows"]
    assert [row[0] for row in found[1:]] == [*(f"'{text}" for text in DANGEROUS), "-5.5"]
    assert {row[1] for row in found[1:]} == {"-5", "+1,000"}
    wanted = write("csv", rows, safe_cells=False)[1].decode("utf-8-sig")
    assert wanted.splitlines()[1].startswith("=1+1,")


def test_csv_has_a_column_for_every_key() -> None:
    made = write("csv", ROWS)[1].decode("utf-8-sig")
    assert made == 'name,price,note\r\ntea,2.5,\r\nKräuter,-3,"{""a"": 1}"\r\n'
    assert write("csv", "a;b\n1;2\n")[1].decode("utf-8-sig") == "a,b\r\n1,2\r\n"
    assert write("csv", [])[1].decode("utf-8-sig") == ""


def test_xlsx_keeps_numbers_and_no_text_becomes_a_formula() -> None:
    rows = [["text", "number", "long"], *[[text, 2.5, 10**17] for text in DANGEROUS]]
    rows.append(["a\x01b", True, None])
    made = write("xlsx", rows, "Q3: [draft]")[1]
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert 'name="Q3   draft"' in parts.read("xl/workbook.xml").decode()
    assert "<f>" not in sheet
    assert 'topLeftCell="A2"' in sheet
    found = read_back("xlsx", made, "table")["rows"]
    assert [row["text"] for row in found] == [*DANGEROUS, "ab"]
    assert found[0]["number"] == 2.5
    assert (found[0]["long"], found[-1]["number"]) == (str(10**17), True)
    wanted = write("xlsx", rows, safe_cells=False)[1]
    with zipfile.ZipFile(io.BytesIO(wanted)) as parts:
        assert "<f>1+1</f>" in parts.read("xl/worksheets/sheet1.xml").decode()


def test_markdown_becomes_a_docx_with_its_structure() -> None:
    output, made = write("docx", MARKDOWN, "Annual report")
    assert output["warnings"] == []
    text = read_back("docx", made, "markdown")["text"]
    assert text.startswith(
        "# Annual report\n\nWe sold tea in Österreich, Ελλάδα and Россия; see the"
    )
    assert "- first\n- inner\n- second\n1. one\n1. two" in text
    assert "| name | price |\n| --- | --- |\n| tea | 2.50 |" in text
    assert "<script>alert(1)</script>" in text  # as words
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        links = parts.read("word/_rels/document.xml.rels").decode()
    assert 'Target="https://example.com/?a=1&amp;b=2" TargetMode="External"' in links
    assert "javascript:" not in links
    assert "10.0.0.1" not in links
    rows = read_back("docx", write("docx", ROWS)[1], "table")["rows"]
    assert rows[1] == {"name": "Kräuter", "price": "-3", "note": '{"a": 1}'}


def test_markdown_becomes_a_pdf_with_its_structure_and_letters() -> None:
    output, made = write("pdf", f"{MARKDOWN}\n\nWell done 😀", "Annual report")
    assert output["warnings"] == ["One character is in no font here and was drawn as '?'."]
    read = read_back("pdf", made, "markdown")
    assert read["text"].startswith("# Annual report\n")
    for words in ("Österreich, Ελλάδα and Россия", "<script>alert(1)</script>", "# & <b>", "2.50"):
        assert words in read["text"]
    assert (read["metadata"]["title"], read["metadata"]["pages"]) == ("Annual report", 1)
    assert b"https://example.com/?a=1&b=2" in made
    assert b"javascript:" not in made
    assert write("pdf", f"{MARKDOWN}\n\nWell done 😀", "Annual report")[1] == made


def test_a_long_table_goes_over_pages_with_its_head_on_each() -> None:
    rows = [{"number": n, "words": "tea " * 20} for n in range(120)]
    facts, made = write_pdf(json.dumps(rows).encode(), {"title": "x", "page_size": "letter"})
    assert facts["pages"] > 3
    read = read_back("pdf", made, "text")["text"]
    assert read.count("number") == facts["pages"]
    assert "119" in read


def test_a_pdf_whose_letters_nobody_has_is_refused() -> None:
    content = json.dumps("我们在很多国家卖茶。" * 20).encode()
    with pytest.raises(NodeError) as refused:
        write_pdf(content, {"title": "x", "page_size": "a4"})
    assert (refused.value.code, refused.value.field) == ("font_missing", "content")


def test_s14_html_holds_what_was_said_as_words_and_leads_nowhere_bad() -> None:
    made = write("html", MARKDOWN, "<b>Annual</b> report")[1].decode()
    assert made.startswith("<!doctype html>")
    assert "<title>&lt;b&gt;Annual&lt;_b&gt;" not in made
    assert "<script" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made
    assert 'href="javascript:' not in made
    assert "<strong>tea</strong>" in made
    rows = write("html", [{"a": "<img src=x onerror=alert(1)>"}])[1].decode()
    assert "<td>&lt;img src=x onerror=alert(1)&gt;</td>" in rows
    page = "<!DOCTYPE html><html><body>Mine</body></html>"
    assert write("html", page)[1].decode() == page


@pytest.mark.parametrize(
    ("format", "content", "code", "words"),
    [
        ("csv", 5, "content_unfit", "list of rows"),
        ("csv", [{"a": 1}, 2], "content_unfit", "Make all of them objects"),
        ("xlsx", 'a,"b', "content_unfit", "no table"),
        ("csv", [[1] * 1001] * 1000, "content_unfit", "1,000,000 cells"),
        ("txt", "x" * 50_000_001, "content_too_large", "50,000,000 bytes"),
        ("xlsx", [["x" * 32_768]], "content_unfit", "32,767 characters"),
        ("pdf", [["x"] * 41], "content_unfit", "41 columns"),
        ("docx", [["x"] * 64], "content_unfit", "64 columns"),
        ("html", "> " * 120 + "x", "content_unfit", "too deeply"),
    ],
)
def test_what_cannot_be_written_says_why(format: str, content: Any, code: str, words: str) -> None:
    error = refusal(format, content)
    assert (error.code, error.field) == (code, "content")
    assert words in error.message


def test_lists_and_quotes_know_their_marks_and_depths() -> None:
    found = [
        (block.kind, block.mark, block.level, block.quoted, plain(block.line) or block.text)
        for block in blocks_of("- a\n\n  more\n\n  ```\n  code\n  ```\n  - b\n\n> 5. c\n> 6. d\n")
    ]
    assert found == [
        ("item", "•", 0, 0, "a"),
        ("item", "", 0, 0, "more"),
        ("code", "", 0, 0, "code"),
        ("item", "•", 1, 0, "b"),
        ("item", "5.", 0, 1, "c"),
        ("item", "6.", 0, 1, "d"),
    ]
