"""The email node reads addresses and attachments, and sends no headers that a text smuggled in."""

from typing import Any

import pytest

from flows.engine.doors.mail import Attachment, Sent
from flows.engine.errors import NodeError
from flows.engine.mail_addresses import MailAddress, read_address
from flows.engine.node_call import resolve_config
from flows.engine.tests.support import FakeContext, node_type, perform

BASE = {"to": ["ada@example.com"], "subject": "Hi"}


def test_a_mail_is_made_of_the_settings_and_its_braces_stay_text() -> None:
    world = FakeContext()
    world.mail.answers = [Sent("<k@example.com>", {"bob@example.com": "550 unknown"})]
    config = {
        "credential": "Shop mail",
        "to": "{{ to }}",
        "cc": ["bob@example.com"],
        "bcc": "",
        "reply_to": "{{ none }}",
        "subject": " {{ text }}\n",
        "body": "Dear {{ text }}",
        "attachments": [
            {"name": "../a\r\nb.json", "content": "{{ rows }}", "media_type": "application/json"},
            {"name": "c.bin", "content": "AAEC\n", "encoding": "base64"},
            "{{ file }}",
            {"file": "{{ file.id }}", "name": "e.csv", "media_type": "text/plain"},
        ],
    }
    names = {
        "to": 'ada@example.com, "Bob, B" <b@example.com>',
        "text": "{{ 1+1 }}",
        "rows": [{"n": 1}],
        "none": None,
        "file": world.files.stored[world.files.add("d.csv", b"a,b\n")][0].as_output(),
    }
    result = perform("email", config, world, names)
    assert result.output == {
        "message_id": "<k@example.com>",
        "refused": [{"address": "bob@example.com", "reason": "550 unknown"}],
    }
    credential, mail = world.mail.sent[0]
    assert (credential, mail.subject, mail.body) == ("Shop mail", "{{ 1+1 }}", "Dear {{ 1+1 }}")
    assert mail.to == (MailAddress("ada@example.com"), MailAddress("b@example.com", "Bob, B"))
    assert (mail.cc, mail.bcc, mail.reply_to) == ((MailAddress("bob@example.com"),), (), ())
    assert mail.key == world.idempotency_key
    assert mail.attachments == (
        Attachment("a b.json", b'[{"n": 1}]', "application/json"),
        Attachment("c.bin", b"\0\1\2", "application/octet-stream"),
        Attachment("d.csv", b"a,b\n", "text/csv"),
        Attachment("e.csv", b"a,b\n", "text/plain"),
    )


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"to": ["ada"]}, "address_invalid", "to[0]"),
        (
            {"to": ["a@example.com", "b@example.com\nBcc: c@x.org"]},
            "address_invalid",
            "to[1]",
        ),
        ({"to": ["a@example.com, b@example.com"]}, "address_invalid", "to[0]"),
        ({"reply_to": ["Ada <>"]}, "address_invalid", "reply_to[0]"),
        ({"bcc": ["a@example.com"] * 100}, "address_invalid", "to"),
        ({"to": []}, "config_invalid", "to"),
        ({"to": " ,; "}, "config_invalid", "to"),
        ({"subject": "Hi\r\nBcc: c@example.com"}, "config_invalid", "subject"),
        ({"subject": "Hi\u2028x"}, "config_invalid", "subject"),
        (
            {"attachments": [{"name": "a", "content": "?", "encoding": "base64"}]},
            "attachment_invalid",
            "attachments[0].content",
        ),
        ({"attachments": [{"name": "a", "content": "x"}] * 21}, "config_invalid", "attachments"),
        ({"attachments": [{"name": "a"}]}, "config_invalid", "attachments[0]"),
        ({"attachments": [{"content": "a"}]}, "config_invalid", "attachments[0]"),
        ({"attachments": [{"file": "x"}]}, "file_missing", "attachments[0].file"),
    ],
)
def test_what_cannot_be_sent_is_refused_naming_the_field(
    more: dict[str, Any], code: str, field: str
) -> None:
    world = FakeContext()
    with pytest.raises(NodeError) as refused:
        perform("email", {**BASE, **more}, world)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert world.mail.sent == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (" ada@example.com ", MailAddress("ada@example.com")),
        ("Ada L. <a.l+x@mail.example.com>", MailAddress("a.l+x@mail.example.com", "Ada L.")),
        ("Jörg <j@exämple.com>", MailAddress("j@xn--exmple-cua.com", "Jörg")),
    ],
)
def test_addresses_are_read(text: str, wanted: MailAddress) -> None:
    assert read_address(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "a@", "@b.c", "a@b", "a b@example.com", "a@exa mple.com", "a..b@example.com"),
        *("a@-example.com", "ä@example.com", "a@[127.0.0.1]", "a@example.com>", "<a@example.com"),
        *("a@b@example.com", "x" * 65 + "@example.com", "a@example.com\0", '"a b"@example.com'),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        read_address(text)


def test_a_mail_is_never_sent_twice_by_itself() -> None:
    kind = node_type("email")
    assert not kind.may_repeat(resolve_config(kind, BASE, {})[0])
