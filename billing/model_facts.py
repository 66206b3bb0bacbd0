"""What models can do, where the price package does not say: a small table of families.

Read on 2026-11-26: platform.claude.com/docs (models overview, effort, structured outputs, PDF
support, model deprecations), developers.openai.com/api/docs (models, latest-model guide, reasoning,
deprecations), and the model lists of the SDKs anthropic 2.12.0 and openai 3.54.0. A family holds
for its dated names too. What is not in it is tried as the defaults say.
"""

import re
from dataclasses import dataclass

#: Everything that may be said of a model, in the order in which people read it.
CAPABILITIES = (
    *("vision", "documents", "tools", "structured_output", "effort", "temperature", "streaming"),
    *("image", "transcription", "speech", "embeddings"),
)
#: What makes a model something else than one that answers with text.
OTHER_KINDS = frozenset({"image", "transcription", "speech", "embeddings"})
_LANGUAGE = frozenset({"vision", "documents", "tools", "structured_output", "streaming"})
_THINKS = _LANGUAGE | {"effort"}
_DATED = r"(-\d{8}|-\d{4}-\d{2}-\d{2}|-latest)?"


@dataclass(frozen=True)
class Facts:
    """Of a family. `max_output` is in tokens; the end of one that is `fading` is announced: it is
    not offered unless an operator wants it.
    """

    provider: str
    names: str
    can: frozenset[str]
    max_output: int | None = None
    fading: bool = False

    def holds_for(self, provider: str, name: str) -> bool:
        return provider == self.provider and bool(re.fullmatch(self.names + _DATED, name))


#: The first that holds for a name counts.
_FAMILIES = (
    # The API refuses temperature for every model since its version of 2026-10-21.
    Facts("anthropic", r"claude-[a-z]+-[5-9](-\d)?", _THINKS, 128_000),
    Facts("anthropic", r"claude-opus-4-[678]", _THINKS, 128_000),
    Facts("anthropic", r"claude-sonnet-4-6", _THINKS, 64_000),
    Facts("anthropic", r"claude-opus-4-5", _THINKS, 64_000),
    Facts("anthropic", r"claude-haiku-4-5", _LANGUAGE, 64_000),
    Facts("anthropic", r"claude-sonnet-4-5", _LANGUAGE, 64_000, fading=True),
    Facts("anthropic", r"claude-opus-4-1", _LANGUAGE - {"structured_output"}, 32_000, fading=True),
    # "When reasoning effort is not none, remove temperature": no effort is none by default here.
    Facts("openai", r"gpt-[6-9](\.\d)?(-(astra|sol|terra|luna))?", _THINKS, 128_000),
    Facts("openai", r"gpt-5\.[56](-(sol|terra|luna))?", _THINKS, 128_000),
    # These think only when asked to, and take a temperature as long as they are not.
    Facts("openai", r"gpt-5\.4(-mini)?", _THINKS | {"temperature"}, 128_000),
    Facts("openai", r"gpt-5\.(4-nano|[12])", _THINKS | {"temperature"}, 128_000, fading=True),
    Facts("openai", r"gpt-5(-mini|-nano)?", _THINKS, 128_000, fading=True),
    Facts("openai", r"gpt-4\.1(-mini|-nano)?", _LANGUAGE | {"temperature"}, 32_768, fading=True),
    Facts("openai", r"gpt-4o(-mini)?", _LANGUAGE | {"temperature"}, 16_384, fading=True),
    Facts("openai", r"o[134](-mini|-pro)?", _THINKS, 100_000, fading=True),
    Facts("openai", r"(chatgpt|gpt)-image-[a-z0-9.-]+", frozenset({"image"})),
    Facts("openai", r"(gpt-4o-(mini-)?|gpt-)transcribe|whisper-1", frozenset({"transcription"})),
    Facts("openai", r"gpt-4o-mini-tts|tts-1(-hd)?", frozenset({"speech"})),
    Facts("openai", r"text-embedding-3-(small|large)", frozenset({"embeddings"})),
)


def facts_of(model: str) -> Facts | None:
    """What is known of a family that `provider/name` belongs to."""
    provider, _, name = model.partition("/")
    return next((one for one in _FAMILIES if one.holds_for(provider, name)), None)


def assumed(model: str) -> frozenset[str]:
    """What a model that nobody knows is taken for: one that answers, and may do all else."""
    can = _THINKS | {"temperature"}
    # Of every other server its own answer tells; this one refuses temperature whatever the model.
    return can - {"temperature"} if model.startswith("anthropic/") else can
