"""Stored files go with a request: as its body, or as parts of a form."""

from typing import Any

import pytest

from flows.engine import web_files
from flows.engine.errors import NodeError
from flows.engine.node_type import HttpAnswer
from flows.engine.tests.support import FakeContext, perform

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def sent(body: Any, body_type: str, world: FakeContext, **names: Any) -> dict[str, Any]:
    url = "https://api.example.com/x"
    world.answers = [HttpAnswer(200, {}, b"", url)]
    config = {"url": url, "method": "PUT", "body": body, "body_type": body_type}
    perform("http", config, world, names)
    return world.calls[-1]


def test_a_file_is_the_body() -> None:
    world = FakeContext()
    name = world.files.add("a.png", PNG)
    for body in (name, {"file": name}, "{{ made }}"):
        call = sent(body, "file", world, made=world.files.stored[name][0].as_output())
        assert call["content"] == PNG
        assert call["headers"]["Content-Type"] == "image/png"


def test_files_are_parts_of_a_form() -> None:
    world = FakeContext()
    first, second = world.files.add("a.png", PNG), world.files.add("b.txt", b"two")
    handed_on = world.files.stored[second][0].as_output()
    call = sent(
        {"all": [{"file": first}, "{{ made }}"], "x": 1}, "multipart", world, made=handed_on
    )
    assert (
        b'name="all"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n' + PNG in call["content"]
    )
    assert b'name="all"; filename="b.txt"\r\n' in call["content"]
    assert b'name="x"\r\n\r\n1\r\n' in call["content"]


@pytest.mark.parametrize(
    ("body", "body_type", "code"),
    [
        ({"a": {"file": "gone"}}, "multipart", "file_missing"),
        ({"a": [{"file": "made-1"}, {"file": "made-1"}]}, "multipart", "file_too_large"),
        ("gone", "file", "file_missing"),
    ],
)
def test_files_that_cannot_be_sent_are_told(
    body: Any, body_type: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_files, "MAX_FILES", 50)
    world = FakeContext()
    world.files.add("a.png", PNG)
    with pytest.raises(NodeError) as caught:
        sent(body, body_type, world)
    assert (caught.value.code, caught.value.field) == (code, "body")
    assert world.calls == []
