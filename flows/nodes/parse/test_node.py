"""The parse node reads texts as data and says where it cannot."""

import time
from contextlib import suppress
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import FakeContext, perform


def value(text: str, format: str, **more: Any) -> Any:
    config = {"text": "{{ t }}", "format": format, **more}
    return perform("parse", config, FakeContext(), {"t": text}).output["value"]


def failure(text: str, format: str, **more: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        value(text, format, **more)
    return caught.value


@pytest.mark.parametrize(
    ("text", "format", "wanted"),
    [
        ('{"a": [1, null]}', "json", {"a": [1, None]}),
        ('Here:\n```json\n{"a": 1}\n```', "json", {"a": 1}),
        ("a: [1, yes, 2.5]\nb: 'x'", "yaml", {"a": [1, "yes", 2.5], "b": "x"}),
        ('<r a="1"><i>x</i><i/>t</r>', "xml", {"r": {"@a": "1", "i": ["x", None], "#text": "t"}}),
        ('<!DOCTYPE r PUBLIC "-//A//B" "http://x/y.dtd"><r>1 &lt; 2</r>', "xml", {"r": "1 < 2"}),
        ("<?xml version='1.0' encoding='latin1'?><r>é</r>", "xml", {"r": "é"}),
    ],
)
def test_the_formats_become_values(text: str, format: str, wanted: Any) -> None:
    assert value(text, format) == wanted


@pytest.mark.parametrize(
    ("text", "more", "wanted"),
    [
        ("a,b\n1,2\n", {}, [{"a": "1", "b": "2"}]),
        ('a;b\r\n1;"x;y"\r\n\r\n', {}, [{"a": "1", "b": "x;y"}]),
        ("\ufeffa\tb\n1\t2", {}, [{"a": "1", "b": "2"}]),
        ("a,b;c\n1", {"delimiter": ","}, [{"a": "1", "b;c": None}]),
        ("a,a,\n1,2,3,4", {}, [{"a": "1", "a_2": "2", "column_3": "3", "column_4": "4"}]),
        ("1,2\n3", {"header": False}, [["1", "2"], ["3"]]),
        ('a\n"two\nlines"', {}, [{"a": "two\nlines"}]),
        ("", {}, []),
        ("a\n" + "x" * 300_000, {}, [{"a": "x" * 300_000}]),
    ],
)
def test_csv_becomes_rows(text: str, more: dict[str, Any], wanted: Any) -> None:
    assert value(text, "csv", **more) == wanted


def test_a_page_becomes_title_text_links_and_tables() -> None:
    page = value(
        """<html><head><title> Prices </title><style>p {}</style></head><body>
        <h1>Fruit</h1><p>Fresh <b>every</b>\n day<script>alert(1)</script></p>
        <a href=" /more ">All <i>fruit</i></a> <a name="x">no link</a>
        <table><tr><th>Name</th><th>Price</th></tr><tr><td>Apple</td><td>1<br>each</td></tr></table>
        <!-- nothing --></body></html>""",
        "html",
    )
    assert page == {
        "title": "Prices",
        "text": "Fruit\nFresh every day\nAll fruit no link\nName Price\nApple 1\neach",
        "links": [{"text": "All fruit", "url": "/more"}],
        "tables": [[["Name", "Price"], ["Apple", "1each"]]],
    }


@pytest.mark.parametrize("text", ["", "   ", "no tags", "<p>open", "</p></div>", "<!-- x", "\0<b>"])
def test_any_text_is_a_page(text: str) -> None:
    assert set(value(text, "html")) == {"title", "text", "links", "tables"}


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("no json", "json"),
        ("", "json"),
        ('a\n"open', "csv"),
        ("a: [", "yaml"),
        ("a: &x 1\nb: *x", "yaml"),
        ("a: !!python/object:os.system x", "yaml"),
        ("a: .inf", "yaml"),
        ("<a><b></a>", "xml"),
        ("", "xml"),
        ("<r>&nbsp;</r>", "xml"),
        ('<!DOCTYPE r [<!ENTITY a "x">]><r>&a;</r>', "xml"),
        ('<!DOCTYPE r SYSTEM "file:///etc/passwd"><r>&xxe;</r>', "xml"),
        ("<a>" * 5_000 + "</a>" * 5_000, "xml"),
        ("[" * 500 + "]" * 500, "json"),
    ],
)
def test_what_cannot_be_read_says_so(text: str, format: str) -> None:
    error = failure(text, format)
    assert (error.code, error.field, error.retryable) == ("text_unreadable", "text", False)
    assert error.message.rstrip().endswith(".")


def test_a_schema_is_held() -> None:
    schema = {"type": "array", "items": {"type": "object", "required": ["a"]}}
    assert value("a\n1", "csv", schema=schema) == [{"a": "1"}]
    error = failure("b\n1", "csv", schema=schema)
    assert error.code == "output_invalid"
    assert "'a'" in error.message
    assert failure("1", "json", schema={"type": "x"}).field == "schema"
    assert value("1", "json", schema="") == 1


def test_what_could_not_be_stored_is_replaced() -> None:
    assert value("a\nx\0y", "csv") == [{"a": "x\ufffdy"}]
    assert value('{"$blob": "x"}', "json") == {"_$blob": "x"}


def test_too_much_is_refused() -> None:
    assert failure("x" * 20_000_001, "html").code == "text_too_large"
    assert failure("a: 1\n" * 1_000_001, "yaml").code == "text_unreadable"
    assert failure(",\n" * 1_000_001, "csv").code == "text_unreadable"
    wide = "a\n" * 3_000 + "," * 1_000
    assert failure(wide, "csv").code == "text_unreadable"


@pytest.mark.parametrize("delimiter", ['"', "\n", ",,"])
def test_odd_delimiters_are_refused(delimiter: str) -> None:
    assert failure("a", "csv", delimiter=delimiter).field == "delimiter"


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("<table><tr><td>" * 20_000 + "x" * 1_000_000, "html"),
        ("<a href=x>" * 100_000, "html"),
        ("<b>" * 300_000, "html"),
        ("<p " + "a=1 " * 200_000, "html"),
        ("<a>" + "<b x='1'/>" * 100_000 + "</a>", "xml"),
        ('"' * 1_000_001, "csv"),
    ],
)
def test_hostile_texts_take_no_longer_than_others(text: str, format: str) -> None:
    began = time.process_time()
    with suppress(NodeError):
        value(text, format)
    assert time.process_time() - began < 5


def test_braces_in_what_is_read_stay_text() -> None:
    assert value('{"a": "{{ 1+1 }}"}', "json") == {"a": "{{ 1+1 }}"}
    assert value("a\n{{ 1+1 }}", "csv") == [{"a": "{{ 1+1 }}"}]
