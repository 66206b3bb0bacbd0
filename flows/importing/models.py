"""Names of models in other products as our `provider/name`."""

import re
from typing import Any

from flows.importing.source import mapping, words

#: A word in the product's name of a provider → our provider.
_PROVIDERS = (
    ("azure", "openai_compatible"),
    ("anthropic", "anthropic"),
    ("claude", "anthropic"),
    ("bedrock", "openai_compatible"),
    ("openai", "openai"),
    ("gpt", "openai"),
)
#: Providers that are reached by a server that speaks as OpenAI does.
_COMPATIBLE = "openai_compatible"


def model_name(provider: str, name: Any) -> tuple[str, str]:
    """Our name of a model (empty: the workspace's default) and what to say about it, or ''."""
    if isinstance(name, dict):
        name = mapping(name).get("value")
    name = re.sub(r"\s+", "-", words(name).strip())
    if not name or name.startswith("=") or "{{" in name:
        return "", "No model is named in the file: the workspace's default model is asked."
    hint = f"{provider} {name}".lower()
    ours = next((ours for word, ours in _PROVIDERS if word in provider.lower()), "")
    if not ours and not provider:
        ours = next((ours for word, ours in _PROVIDERS if word in hint), "")
    if ours in ("anthropic", "openai"):
        return f"{ours}/{name}"[:200], ""
    said = (
        f"The model '{name}' of {provider or 'an unnamed provider'} is asked by a server that "
        "speaks as OpenAI does: connect one, or choose another model."
    )
    return f"{_COMPATIBLE}/{name}"[:200], said
