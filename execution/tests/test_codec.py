"""What Temporal stores is encrypted, and readable only with a listed key."""

import base64
import json
import secrets

import pytest
from django.test import override_settings
from temporalio.api.common.v1 import Payload

from execution.codec import PayloadUnreadable, decode_payloads, decrypt, encrypt


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps({"say": "canary"}).encode())


def test_a_payload_comes_back_and_shows_nothing_meanwhile() -> None:
    sealed = encrypt(PLAIN)
    assert b"canary" not in sealed.SerializeToString()
    assert b"json/plain" not in sealed.SerializeToString()
    assert decrypt(sealed) == PLAIN


def test_the_same_payload_is_never_sealed_alike() -> None:
    assert encrypt(PLAIN).data != encrypt(PLAIN).data


def test_an_old_key_still_reads_what_it_sealed() -> None:
    old, new = new_key(), new_key()
    with override_settings(FLUX_SECRET_KEYS=[old]):
        sealed = encrypt(PLAIN)
    with override_settings(FLUX_SECRET_KEYS=[new, old]):
        assert decrypt(sealed) == PLAIN
        assert encrypt(PLAIN).metadata["key"] != sealed.metadata["key"]
    with override_settings(FLUX_SECRET_KEYS=[new]), pytest.raises(PayloadUnreadable):
        decrypt(sealed)


def test_a_changed_payload_is_refused() -> None:
    sealed = encrypt(PLAIN)
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(PayloadUnreadable):
        decrypt(sealed)


def test_a_payload_that_is_not_ours_passes() -> None:
    assert decrypt(PLAIN) == PLAIN


def test_the_shape_of_codec_servers_is_spoken() -> None:
    sealed = encrypt(PLAIN)
    shape = {
        "metadata": {k: base64.b64encode(v).decode() for k, v in sealed.metadata.items()},
        "data": base64.b64encode(sealed.data).decode(),
    }
    (opened,) = decode_payloads([shape])
    assert json.loads(base64.b64decode(opened["data"])) == {"say": "canary"}
    assert base64.b64decode(opened["metadata"]["encoding"]) == b"json/plain"
