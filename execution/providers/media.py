"""Pictures and sound over the endpoints of OpenAI's API, which many other servers have as well.

Without the SDK, as chat completions: what is sent and what comes back is simple, and servers that
are only compatible differ in what the SDK is strict about.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import httpx2

from execution.egress import CONNECT_SECONDS, fetch, origin_entry, shared_transport
from execution.providers.base import Login
from execution.providers.failures import Failures
from flows.engine.doors.media import Made, Recording, Transcript
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage

JSON = Any
OWN_ADDRESS = "https://api.openai.com/v1"
#: Bytes of an answer: a picture in base64 may be large.
MAX_BYTES = 60_000_000
_KINDS = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))
SOUNDS = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
}


class MediaEndpoints:
    """One server's endpoints, opened with one login. Raises NodeError as a model's call does."""

    def __init__(self, name: str, login: Login, *, read_seconds: float = 300) -> None:
        self.name = name
        self._failures = Failures(name, login)
        self._base = login.address(OWN_ADDRESS)
        self._headers = {"authorization": f"Bearer {login.api_key}"} if login.api_key else {}
        self._allowed = (origin_entry(self._base),) if login.trusted else ()
        self._read_seconds = read_seconds

    async def image(self, model: str, prompt: str, *, size: str, quality: str) -> Made:
        body = {"model": model, "prompt": prompt, "n": 1}
        body |= {name: value for name, value in (("size", size), ("quality", quality)) if value}
        answer = self._read(await self._post("images/generations", model, json=body))
        try:
            content = await self._picture(answer["data"][0])
        except (KeyError, IndexError, TypeError, binascii.Error) as error:
            raise self._failures.bad_answer(error) from error
        usage = _usage(answer.get("usage"))
        return Made(content, _kind_of(content), usage, f"{self.name}/{model}")

    async def _picture(self, item: Mapping[str, JSON]) -> bytes:
        if encoded := item.get("b64_json"):
            return await asyncio.to_thread(base64.b64decode, encoded, validate=True)
        # An address that the server names is any address: it is fetched as a node's would be.
        answer = await fetch("GET", item["url"], timeout_seconds=60)
        if answer.status != 200:
            message = f"The picture that {self.name} made cannot be fetched ({answer.status})."
            raise NodeError("model_bad_answer", message, retryable=True)
        return answer.content

    async def transcribe(
        self, model: str, recording: Recording, *, language: str, prompt: str
    ) -> Transcript:
        fields = {"model": model, "response_format": "json"}
        fields |= {n: value for n, value in (("language", language), ("prompt", prompt)) if value}
        file = (recording.name, recording.content, recording.media_type)
        content = await self._post("audio/transcriptions", model, data=fields, files={"file": file})
        answer = self._read(content)
        if not isinstance(answer.get("text"), str):
            raise self._failures.bad_answer(KeyError("text"))
        return Transcript(answer["text"], _usage(answer.get("usage")), f"{self.name}/{model}")

    async def speech(
        self, model: str, text: str, *, voice: str, format: str, instructions: str
    ) -> Made:
        body = {"model": model, "input": text, "voice": voice, "response_format": format}
        body |= {"instructions": instructions} if instructions else {}
        content = await self._post("audio/speech", model, json=body)
        if not content or content[:1] == b"{":
            raise self._failures.bad_answer(ValueError("no sound came"))
        return Made(content, SOUNDS[format], ModelUsage(), f"{self.name}/{model}")

    async def _post(self, path: str, model: str, **what: Any) -> bytes:
        """The body of the answer."""
        request = httpx2.Request(
            "POST",
            f"{self._base}/{path}",
            headers={**self._headers, "accept-encoding": "identity"},
            extensions={
                "timeout": httpx2.Timeout(self._read_seconds, connect=CONNECT_SECONDS).as_dict(),
                "max_bytes": MAX_BYTES,
            },
            **what,
        )
        try:
            response = await shared_transport(self._allowed).handle_async_request(request)
            try:
                content = await response.aread()
            finally:
                await response.aclose()
        except httpx2.HTTPError as error:
            raise self._failures.of_connection(error) from error
        if not response.is_success:
            facts = _facts(content)
            raise self._failures.of_status(response.status_code, facts, response.headers, model)
        return content

    def _read(self, content: bytes) -> dict[str, JSON]:
        answer = _facts(content)
        if not isinstance(answer, dict):
            raise self._failures.bad_answer(ValueError("no JSON object came"))
        return answer


def _facts(content: bytes) -> JSON:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content[:1_000].decode(errors="replace")


def _kind_of(content: bytes) -> str:
    found = next((kind for start, kind in _KINDS if content.startswith(start)), None)
    if found is None:
        raise NodeError("model_bad_answer", "What came is no picture (PNG, JPEG or WebP).")
    return found


def _usage(usage: JSON) -> ModelUsage:
    """Tokens, where the provider counts such; seconds of sound are none."""
    if not isinstance(usage, dict):
        return ModelUsage()
    given, made = usage.get("input_tokens"), usage.get("output_tokens")
    return ModelUsage(given if isinstance(given, int) else 0, made if isinstance(made, int) else 0)
