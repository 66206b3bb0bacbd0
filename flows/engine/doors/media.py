"""The door to models that make or hear pictures and sound."""

from dataclasses import dataclass
from typing import Protocol

from flows.engine.model_usage import ModelUsage


@dataclass(frozen=True)
class Made:
    """What a model made: its bytes. `usage` is zero where the provider counts otherwise."""

    content: bytes
    media_type: str
    usage: ModelUsage
    model: str


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording."""

    text: str
    usage: ModelUsage
    model: str


@dataclass(frozen=True)
class Recording:
    """A recording to hear."""

    name: str
    media_type: str
    content: bytes


class Media(Protocol):
    """Calls over the OpenAI-compatible endpoints; what they use is booked.

    `model` is `provider/name`. Raises NodeError: those of a language model's call,
    model_unfit where the provider has no such endpoint, and too_large.
    """

    async def image(self, model: str, prompt: str, *, size: str = "", quality: str = "") -> Made:
        """One picture. `size` is as `1024x1024`; empty: as the model likes it."""

    async def transcribe(
        self, model: str, recording: Recording, *, language: str = "", prompt: str = ""
    ) -> Transcript:
        """The words of a recording. `language` is an ISO 639-1 code; empty: found out."""

    async def speech(
        self, model: str, text: str, *, voice: str, format: str, instructions: str = ""
    ) -> Made:
        """A text, spoken. `format` is mp3, wav, opus, aac or flac."""
