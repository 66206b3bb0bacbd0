"""The http node sends what it is told and hands on what comes back."""

import time
from encodings.aliases import aliases
from typing import Any

import pytest

from flows.engine.attempts import may_try_again
from flows.engine.charsets import decoded
from flows.engine.errors import NodeError
from flows.engine.node_call import resolve_config
from flows.engine.node_type import HttpAnswer
from flows.engine.tests.support import FakeContext, node_type, perform

URL = "https://api.example.com/x"


def reply(
    status: int = 200, content: bytes = b'{"a": 1}', headers: dict[str, str] | None = None
) -> HttpAnswer:
    return HttpAnswer(status, {"content-type": "application/json", **(headers or {})}, content, URL)


def failure(config: dict[str, Any], given: HttpAnswer | NodeError) -> NodeError:
    with pytest.raises(NodeError) as caught:
        perform("http", {"url": URL, **config}, FakeContext(answers=[given]))
    return caught.value


def test_a_json_answer_is_parsed_and_kept_as_text() -> None:
    result = perform("http", {"url": URL}, FakeContext(answers=[reply()]))
    assert result.output["json"] == {"a": 1}
    assert result.output["text"] == '{"a": 1}'
    assert result.output["status"] == 200


@pytest.mark.parametrize(
    "content", [b"<html>", b"", b"nan", b"NaN", b"[NaN]", b"{bad", b"1e999", b"[" * 100_000]
)
def test_what_is_no_json_reads_as_null(content: bytes) -> None:
    result = perform("http", {"url": URL}, FakeContext(answers=[reply(content=content)]))
    assert result.output["json"] is None


def test_json_of_too_many_parts_reads_as_null_and_is_kept_as_text() -> None:
    content = b"[" + b"[]," * 1_000_000 + b"[]]"
    result = perform("http", {"url": URL}, FakeContext(answers=[reply(content=content)]))
    assert result.output["json"] is None
    assert len(result.output["text"]) == len(content)


def test_what_cannot_be_stored_is_replaced() -> None:
    content = b'{"a": "x\\u0000\\ud800"}'
    result = perform("http", {"url": URL}, FakeContext(answers=[reply(content=content)]))
    assert result.output["json"] == {"a": "x\ufffd\ufffd"}


@pytest.mark.parametrize("charset", ["", "; charset=utf-8", "; charset=iso-8859-1", "; charset=x"])
def test_a_byte_order_mark_is_no_part_of_the_answer(charset: str) -> None:
    headers = {"content-type": f"application/json{charset}"}
    given = reply(content='\ufeff{"a": "é"}'.encode(), headers=headers)
    output = perform("http", {"url": URL}, FakeContext(answers=[given])).output
    assert (output["json"], output["text"]) == ({"a": "é"}, '{"a": "é"}')


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le"])
def test_a_mark_of_another_encoding_is_left_out_too(charset: str) -> None:
    headers = {"content-type": f"application/json; charset={charset}"}
    given = reply(content=b"\xff\xfe" + "[1]".encode("utf-16-le"), headers=headers)
    output = perform("http", {"url": URL}, FakeContext(answers=[given])).output
    assert (output["json"], output["text"]) == ([1], "[1]")


@pytest.mark.parametrize("charset", ["wat", "base64", "idna", "undefined", "punycode"])
def test_an_unknown_charset_falls_back_to_utf8(charset: str) -> None:
    headers = {"content-type": f"text/plain; charset={charset}"}
    given = HttpAnswer(200, headers, "é".encode(), URL)
    assert perform("http", {"url": URL}, FakeContext(answers=[given])).output["text"] == "é"


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        *(("ISO-8859-1", "é"), ("iso-8859-15", "€"), ("windows-1252", "€"), ("Windows-1251", "ж")),
        *(("latin1", "é"), ("koi8-r", "ж"), ("cp1250", "ł"), ("us-ascii", "e"), ("utf8", "é")),
        *(("Shift_JIS", "日本"), ("x-sjis", "日本"), ("windows-31j", "①"), ("EUC-JP", "日本")),
        *(("euc-kr", "한글"), ("ks_c_5601-1987", "한글"), ("gb2312", "中文"), ("GBK", "中文")),
        *(
            ("gb18030", "中文"),
            ("Big5", "中文"),
            ("utf-32-be", "é"),
            ("utf-16", "é😀"),
            ("utf-32", "é"),
        ),
    ],
)
def test_the_usual_charsets_are_read(charset: str, text: str) -> None:
    assert decoded(text.encode(charset.replace("x-", "")), f"text/plain; charset={charset}") == text
    long = (text * 300_001).encode(charset.replace("x-", ""))
    assert decoded(long, f'text/plain; charset="{charset}"') == text * 300_001


@pytest.mark.parametrize("charset", ["punycode", *sorted(set(aliases.values()))])
def test_no_charset_makes_an_answer_slow(charset: str) -> None:
    content = b"\xff" * 200_000 + b"a" * 100_000 + b"-" + b"\x00\xd8" * 100_000 + b"9" * 100_000
    began = time.process_time()
    decoded(content, f"text/plain; charset={charset}")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("body_type", "content", "content_type"),
    [
        ("json", b'{"q": "a b", "n": [1, 2]}', "application/json"),
        ("form", b"q=a+b&n=1&n=2", "application/x-www-form-urlencoded"),
        ("text", b'{"q": "a b", "n": [1, 2]}', "text/plain; charset=utf-8"),
        ("none", None, None),
    ],
)
def test_the_body_is_sent_as_its_type_says(
    body_type: str, content: bytes | None, content_type: str | None
) -> None:
    world = FakeContext(answers=[reply()])
    body = {"q": "{{ a }}", "n": [1, 2]}
    config = {"url": URL, "method": "post", "body": body, "body_type": body_type}
    perform("http", config, world, {"a": "a b"})
    assert world.calls[0]["method"] == "POST"
    assert world.calls[0]["content"] == content
    assert world.calls[0]["headers"].get("Content-Type") == content_type


def test_a_content_type_of_ones_own_wins() -> None:
    world = FakeContext(answers=[reply()])
    headers = {"content-type": "application/ld+json"}
    perform("http", {"url": URL, "method": "POST", "body": {}, "headers": headers}, world)
    assert world.calls[0]["headers"] == {**headers, "Idempotency-Key": world.idempotency_key}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST", "PATCH"])
def test_what_may_not_be_done_twice_carries_an_idempotency_key(method: str) -> None:
    world = FakeContext(answers=[reply()])
    perform("http", {"url": URL, "method": method}, world)
    key = world.idempotency_key if method in ("POST", "PATCH") else None
    assert world.calls[0]["headers"].get("Idempotency-Key") == key


@pytest.mark.parametrize(("own", "sent"), [("order-7", {"idempotency-key": "order-7"}), ("", {})])
def test_an_idempotency_key_of_ones_own_wins_and_an_empty_one_sends_none(
    own: str, sent: dict[str, str]
) -> None:
    world = FakeContext(answers=[reply()])
    config = {"url": URL, "method": "POST", "headers": {"idempotency-key": own}}
    perform("http", config, world)
    assert world.calls[0]["headers"] == sent


def test_query_lists_repeat_and_nulls_are_left_out() -> None:
    world = FakeContext(answers=[reply()])
    perform("http", {"url": URL, "query": {"a": [1, True], "b": None, "c": 2.5}}, world)
    assert world.calls[0]["query"] == {"a": ["1", "true"], "c": "2.5"}


def tried_again(method: str, error: NodeError, *, asked_for: bool = False) -> bool:
    kind = node_type("http")
    config, _ = resolve_config(kind, {"url": URL, "method": method}, {})
    return may_try_again(error, repeatable=kind.may_repeat(config), asked_for=asked_for)


@pytest.mark.parametrize(
    ("method", "status", "alone", "asked_for"),
    [
        ("GET", 500, True, True),
        ("GET", 404, False, False),
        ("put", 502, True, True),
        ("POST", 500, False, True),
        ("POST", 400, False, False),
        ("POST", 429, True, True),
        ("POST", 503, True, True),
        ("PATCH", 504, False, True),
    ],
)
def test_a_post_is_repeated_only_after_a_refusal_or_where_a_retry_is_asked_for(
    method: str, status: int, alone: bool, asked_for: bool
) -> None:
    error = failure({"method": method}, reply(status, b"sorry"))
    assert error.code == "http_status"
    assert tried_again(method, error) is alone
    assert tried_again(method, error, asked_for=True) is asked_for
    assert error.details["status"] == status
    assert "sorry" in error.message


@pytest.mark.parametrize(("method", "alone"), [("GET", True), ("POST", False)])
def test_a_lost_connection_is_retried_only_where_that_is_safe(method: str, alone: bool) -> None:
    lost = NodeError("http_timeout", "No answer in time.", retryable=True)
    error = failure({"method": method}, lost)
    assert tried_again(method, error) is alone
    assert tried_again(method, error, asked_for=True)


def test_the_service_says_when_to_come_back() -> None:
    assert failure({}, reply(429, headers={"retry-after": "7"})).retry_after == 7
    assert failure({}, reply(429, headers={"retry-after": "99999"})).retry_after == 3_600
    assert failure({}, reply(429, headers={"retry-after": "soon"})).retry_after is None


def test_a_date_to_come_back_at_counts_from_the_answers_own() -> None:
    then, now = "Wed, 25 Nov 2026 10:02:00 GMT", "Wed, 25 Nov 2026 10:00:30 GMT"
    assert failure({}, reply(503, headers={"retry-after": then, "date": now})).retry_after == 90
    assert failure({}, reply(503, headers={"retry-after": now, "date": then})).retry_after == 0
    assert failure({}, reply(503, headers={"retry-after": then})).retry_after is None


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "key"), (404, "address"), (302, "address"), (503, "later"), (422, "ok_statuses")],
)
def test_an_answer_that_is_no_success_says_what_to_do(status: int, advice: str) -> None:
    assert advice in failure({}, reply(status, b"sorry")).message


def test_other_statuses_can_be_good() -> None:
    world = FakeContext(answers=[reply(404)])
    assert perform("http", {"url": URL, "ok_statuses": [404]}, world).output["status"] == 404
    assert failure({"ok_statuses": [404]}, reply(200)).code == "http_status"


@pytest.mark.parametrize("url", ["ftp://x", "file:///etc/passwd", "", "{{ a }}", "//x"])
def test_only_web_addresses_are_called(url: str) -> None:
    with pytest.raises(NodeError) as caught:
        perform("http", {"url": url}, FakeContext(), {"a": "gopher://x"})
    assert caught.value.field == "url"


def test_a_header_cannot_hold_a_second_header() -> None:
    with pytest.raises(NodeError, match="line break"):
        perform(
            "http", {"url": URL, "headers": {"X": "{{ a }}"}}, FakeContext(), {"a": "1\r\nY: 2"}
        )


def test_braces_in_values_and_answers_stay_text() -> None:
    world = FakeContext(answers=[reply(content=b"{{ 1+1 }}")])
    config = {"url": URL + "?q={{ a }}", "method": "POST", "body": "{{ a }}", "body_type": "text"}
    result = perform("http", config, world, {"a": "{{ 1+1 }}"})
    assert world.calls[0]["content"] == b"{{ 1+1 }}"
    assert world.calls[0]["url"].endswith("{{ 1+1 }}")
    assert result.output["text"] == "{{ 1+1 }}"
