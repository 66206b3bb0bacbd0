"""Finds the provider for `provider/model`; one object per login and event loop, re-used."""

import asyncio
import importlib
import sys
import weakref

from execution.providers.base import Access, Login, Provider
from flows.engine.errors import NodeError

#: What each provider needs, for the sentence that says how to open it.
NEEDS = {
    "anthropic": "Add an Anthropic credential to the workspace, or set ANTHROPIC_API_KEY.",
    "openai": "Add an OpenAI credential to the workspace, or set OPENAI_API_KEY.",
    "openai_compatible": (
        "Add a credential of the type OpenAI-compatible server, or set OPENAI_BASE_URL."
    ),
    "local": "Start with `python3 manage.py up --with-local-model`.",
}
#: Providers kept per event loop; a new key or address makes a new one.
_KEPT = 200

type _PerLoop = dict[tuple[str, Login], Provider]
_providers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _PerLoop] = (
    weakref.WeakKeyDictionary()
)


#: The module and class of each provider, and what of its SDK is imported at its first call.
_CLASSES = {
    "anthropic": ("execution.providers.anthropic", "Anthropic"),
    "openai": ("execution.providers.openai", "OpenAI"),
    "openai_compatible": ("execution.providers.openai_compatible", "OpenAICompatible"),
    "local": ("execution.providers.openai_compatible", "OpenAICompatible"),
}
_SDKS = {"anthropic": "anthropic.resources.messages", "openai": "openai.resources.responses"}


async def load_provider(name: str) -> None:
    """Import what a provider (or `provider/model`) needs, on a thread.

    An SDK takes seconds to import; on the event loop nobody would hear this worker's heartbeats
    meanwhile, and its calls would be taken for lost.
    """
    provider = name.partition("/")[0]
    if provider not in _CLASSES:
        return
    for module in (_CLASSES[provider][0], _SDKS.get(provider)):
        if module is not None and module not in sys.modules:
            await asyncio.to_thread(importlib.import_module, module)


def _open(name: str, login: Login) -> Provider:
    module, class_name = _CLASSES[name]
    made = getattr(importlib.import_module(module), class_name)
    provider: Provider = made(login, "local") if name == "local" else made(login)
    return provider


def resolve(model: str, access: Access) -> tuple[Provider, str]:
    """(provider, the model's name there). Called in a running event loop. Raises NodeError."""
    name, slash, model_name = model.partition("/")
    if name not in _CLASSES or not slash or not model_name:
        raise NodeError(
            "model_unknown",
            f"'{model}' is no model: write provider/name with one of {', '.join(_CLASSES)}, "
            "as in anthropic/claude-haiku-5-5.",
            field="model",
        )
    login = access.logins.get(name)
    if login is None:
        raise NodeError(
            "model_not_configured",
            f"The workspace cannot use {name} yet. {NEEDS[name]}",
            field="model",
        )
    kept = _providers.setdefault(asyncio.get_running_loop(), {})
    provider = kept.get((name, login))
    if provider is None:
        if len(kept) >= _KEPT:
            kept.pop(next(iter(kept)))
        provider = kept[name, login] = _open(name, login)
    return provider, model_name
