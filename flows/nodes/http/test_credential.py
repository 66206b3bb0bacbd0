"""A credential goes with the request, to the place it is meant for, and nowhere into the record."""

from typing import Any

import pytest

from flows.engine.doors.credentials import OpenedCredential
from flows.engine.errors import NodeError
from flows.engine.node_type import HttpAnswer
from flows.engine.tests.support import FakeContext, FakeCredentials, perform

URL = "https://api.example.com/x"


def world(**secrets: str) -> FakeContext:
    known = {
        "Token": OpenedCredential("Token", "bearer", {}, {"token": "s3cret", **secrets}),
        "Login": OpenedCredential("Login", "basic", {"username": "ada"}, {"password": "pä:ss"}),
        "Key": OpenedCredential("Key", "header", {"header": "X-Api-Key"}, {"value": "k3y-value"}),
        "Model": OpenedCredential("Model", "openai", {}, {"api_key": "sk-x"}),
    }
    answers = [HttpAnswer(200, {}, b"{}", URL)]
    return FakeContext(answers=[*answers], credentials=FakeCredentials(known))


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("Token", "Authorization", "Bearer s3cret"),
        ("Login", "Authorization", "Basic YWRhOnDDpDpzcw=="),
        ("Key", "X-Api-Key", "k3y-value"),
    ],
)
def test_a_credential_is_sent_as_its_header(name: str, header: str, value: str) -> None:
    asked = world()
    perform("http", {"url": URL, "credential": "{{ c }}"}, asked, {"c": name})
    assert asked.calls[0]["headers"][header] == value
    assert asked.calls[0]["secret"] is True


def test_without_one_nothing_is_opened() -> None:
    asked = world()
    perform("http", {"url": URL, "credential": " "}, asked)
    assert asked.credentials.opened == []
    assert asked.calls[0]["secret"] is False


@pytest.mark.parametrize(
    ("config", "code", "field"),
    [
        ({"credential": "Nobody"}, "credential_missing", "credential"),
        ({"credential": "Model"}, "credential_unfit", "credential"),
        ({"credential": "Key", "headers": {"x-api-key": "y"}}, "config_invalid", "headers"),
    ],
)
def test_a_credential_that_cannot_be_sent_is_told(
    config: dict[str, Any], code: str, field: str
) -> None:
    asked = world()
    with pytest.raises(NodeError) as caught:
        perform("http", {"url": URL, **config}, asked)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert asked.calls == []


def test_a_secret_that_no_header_can_carry_is_told_without_it() -> None:
    asked = world(token="kéy\x7f-secret")
    with pytest.raises(NodeError, match="no header can carry") as caught:
        perform("http", {"url": URL, "credential": "Token"}, asked)
    assert caught.value.code == "credential_unfit"
    assert "secret" not in caught.value.message


def test_an_error_that_cuts_an_answer_cuts_no_secret_in_two() -> None:
    asked = world()
    asked.answers = [HttpAnswer(500, {}, b"x" * 297 + b"s3cret", URL)]
    with pytest.raises(NodeError) as caught:
        perform("http", {"url": URL, "credential": "Token"}, asked)
    assert "s3c" not in caught.value.message
    assert "x••" in caught.value.message
