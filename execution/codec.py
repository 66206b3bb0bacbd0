"""Encrypts every payload that Temporal stores: AES-256-GCM, keys derived from FLUX_SECRET_KEYS.

The newest key encrypts; a payload names its key by fingerprint, so that old histories stay
readable while the old key is still listed.
"""

import base64
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

ENCODING = b"binary/encrypted-v1"
_NONCE = 12


class PayloadUnreadable(Exception):
    """A payload was encrypted with a key that is not listed, or was tampered with."""


@cache
def _ciphers(keys: tuple[str, ...]) -> dict[bytes, AESGCM]:
    """Ciphers by fingerprint, newest first."""
    ciphers: dict[bytes, AESGCM] = {}
    for key in keys:
        material = HKDF(algorithm=SHA256(), length=40, salt=None, info=b"temporal payloads").derive(
            base64.urlsafe_b64decode(key)
        )
        ciphers[material[32:].hex().encode()] = AESGCM(material[:32])
    return ciphers


def encrypt(payload: Payload) -> Payload:
    """The payload, sealed; its own metadata is inside."""
    fingerprint, cipher = next(iter(_ciphers(tuple(settings.FLUX_SECRET_KEYS)).items()))
    nonce = os.urandom(_NONCE)
    sealed = nonce + cipher.encrypt(nonce, payload.SerializeToString(), fingerprint)
    return Payload(metadata={"encoding": ENCODING, "key": fingerprint}, data=sealed)


def decrypt(payload: Payload) -> Payload:
    """The payload as it was; those that are not ours pass unchanged. Raises PayloadUnreadable."""
    if payload.metadata.get("encoding") != ENCODING:
        return payload
    fingerprint = payload.metadata["key"]
    cipher = _ciphers(tuple(settings.FLUX_SECRET_KEYS)).get(fingerprint)
    if cipher is None:
        raise PayloadUnreadable(
            f"No key with the fingerprint {fingerprint.decode()} is in FLUX_SECRET_KEYS."
        )
    try:
        plain = cipher.decrypt(payload.data[:_NONCE], payload.data[_NONCE:], fingerprint)
    except InvalidTag:
        raise PayloadUnreadable("A Temporal payload was changed after it was written.") from None
    return Payload.FromString(plain)


class EncryptingCodec(PayloadCodec):
    """The codec of every client and worker."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        # What is not encrypted passes: Temporal makes payloads of its own, of cancelled calls.
        return [decrypt(payload) for payload in payloads]


def decode_payloads(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decode payloads in the JSON shape of Temporal's codec servers (base64 fields)."""
    return [_to_json(decrypt(_from_json(payload))) for payload in payloads]


def _from_json(payload: dict[str, Any]) -> Payload:
    metadata = {
        name: base64.b64decode(value) for name, value in (payload.get("metadata") or {}).items()
    }
    return Payload(metadata=metadata, data=base64.b64decode(payload.get("data") or ""))


def _to_json(payload: Payload) -> dict[str, Any]:
    return {
        "metadata": {
            name: base64.b64encode(value).decode() for name, value in payload.metadata.items()
        },
        "data": base64.b64encode(payload.data).decode(),
    }
