"""Calls models that make or hear pictures and sound, within the budget and the limits of a key."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Protocol

from execution.credential_limits import room_for
from execution.providers.access import limits_of
from execution.providers.base import Access
from execution.providers.media import MediaEndpoints
from execution.providers.registry import NEEDS
from flows.engine.doors.media import Made, Recording, Transcript
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage

#: Providers that have the endpoints.
_PROVIDERS = ("openai", "openai_compatible", "local")


class Calls(Protocol):
    """What the node that calls may use, and where it is booked."""

    async def access(self) -> Access: ...

    def count(self, model: str, usage: ModelUsage) -> None: ...


class RunMedia:
    """The `Media` of one attempt."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def image(self, model: str, prompt: str, *, size: str = "", quality: str = "") -> Made:
        async with self._opened(model) as (endpoints, name):
            made = await endpoints.image(name, prompt, size=size, quality=quality)
        self._calls.count(made.model, made.usage)
        return made

    async def transcribe(
        self, model: str, recording: Recording, *, language: str = "", prompt: str = ""
    ) -> Transcript:
        async with self._opened(model) as (endpoints, name):
            heard = await endpoints.transcribe(name, recording, language=language, prompt=prompt)
        self._calls.count(heard.model, heard.usage)
        return heard

    async def speech(
        self, model: str, text: str, *, voice: str, format: str, instructions: str = ""
    ) -> Made:
        async with self._opened(model) as (endpoints, name):
            made = await endpoints.speech(
                name, text, voice=voice, format=format, instructions=instructions
            )
        self._calls.count(made.model, made.usage)
        return made

    @asynccontextmanager
    async def _opened(self, model: str) -> AsyncGenerator[tuple[MediaEndpoints, str]]:
        access = await self._calls.access()
        provider, _, name = model.partition("/")
        if provider not in _PROVIDERS or not name:
            message = (
                f"'{model[:200]}' makes and hears no pictures and sound. Take a model of "
                f"{', '.join(_PROVIDERS)}, as in openai/gpt-image-1."
            )
            raise NodeError("model_unfit", message, field="model")
        login = access.logins.get(provider)
        if login is None:
            message = f"The workspace cannot use {provider} yet. {NEEDS[provider]}"
            raise NodeError("model_not_configured", message, field="model")
        async with room_for(limits_of(model, access)):
            yield MediaEndpoints(provider, login), name
