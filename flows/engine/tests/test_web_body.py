"""Bodies of requests: a form with files is read by others as it was meant."""

from base64 import b64encode
from email import message_from_bytes, policy
from typing import Any

import pytest

from flows.engine.errors import NodeError
from flows.engine.web_body import body_of


def parts_of(body: Any) -> list[tuple[Any, ...]]:
    """(name, file name, content type, content) of each part, as Python's mail parser reads it."""
    content, content_type = body_of(body, "multipart")
    assert content is not None
    message = message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + content, policy=policy.HTTP
    )
    assert not message.defects
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part["content-type"],
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


def test_fields_lists_and_files_become_parts() -> None:
    body = {
        "name": "ünï",
        "tags": ["a", 2],
        "none": None,
        "data": {"a": [1]},
        "note": {"name": "a.txt", "content": "hi"},
        "image": {
            "name": "b.png",
            "content_base64": b64encode(b"\x89\r\n--x\0").decode(),
            "media_type": "image/png",
        },
    }
    assert parts_of(body) == [
        ("name", None, None, "ünï".encode()),
        ("tags", None, None, b"a"),
        ("tags", None, None, b"2"),
        ("data", None, None, b'{"a": [1]}'),
        ("note", "a.txt", 'text/plain; charset="utf-8"', b"hi"),
        ("image", "b.png", "image/png", b"\x89\r\n--x\0"),
    ]


def test_names_cannot_begin_headers_of_their_own() -> None:
    hostile = 'a"; filename="x\r\nContent-Type: text/html\r\n\r\n<b>'
    content, _ = body_of({hostile: {"name": hostile, "content": "x"}}, "multipart")
    assert content is not None
    head = content.split(b"\r\n\r\n")[0]
    assert head.count(b"\r\n") == 2
    assert head.count(b'"') == 4
    assert b"%22" in head
    assert b"%0D%0A" in head


def test_the_same_form_is_the_same_bytes_and_no_part_holds_its_boundary() -> None:
    first, first_type = body_of({"a": "x"}, "multipart")
    assert body_of({"a": "x"}, "multipart") == (first, first_type)
    assert first is not None
    again, again_type = body_of({"a": first.decode()}, "multipart")
    assert again_type != first_type
    assert again is not None
    assert again.count(str(again_type).rpartition("=")[2].encode()) == 2


@pytest.mark.parametrize(
    ("body", "body_type", "says"),
    [
        ("a=b", "multipart", "object"),
        ({"a": {"content": "x", "nme": "y"}}, "multipart", "no 'nme'"),
        ({"a": {"content": "x", "content_base64": "eA=="}}, "multipart", "not both"),
        ({"a": {"content": "x", "media_type": "a/b\r\nX: y"}}, "multipart", "media type"),
        ({"a": {"content_base64": "$"}}, "multipart", "base64"),
        ("é", "base64", "base64"),
    ],
)
def test_what_cannot_be_sent_is_said(body: Any, body_type: Any, says: str) -> None:
    with pytest.raises(NodeError, match=says) as caught:
        body_of(body, body_type)
    assert (caught.value.code, caught.value.field) == ("config_invalid", "body")


@pytest.mark.parametrize("text", ["+/8=", "-_8", "+/\n8", ""])
def test_bytes_are_sent_from_base64_of_either_alphabet(text: str) -> None:
    wanted = b"\xfb\xff" if text else b""
    assert body_of(text, "base64") == (wanted, "application/octet-stream")
