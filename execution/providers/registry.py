"""Finds the provider for `provider/model`; one object per login and event loop, re-used."""

import asyncio
import weakref
from collections.abc import Callable

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


def _anthropic(login: Login) -> Provider:
    from execution.providers.anthropic import Anthropic

    return Anthropic(login)


def _openai(login: Login) -> Provider:
    from execution.providers.openai import OpenAI

    return OpenAI(login)


def _compatible(login: Login) -> Provider:
    from execution.providers.openai_compatible import OpenAICompatible

    return OpenAICompatible(login)


def _local(login: Login) -> Provider:
    from execution.providers.openai_compatible import OpenAICompatible

    return OpenAICompatible(login, "local")


_OPENERS: dict[str, Callable[[Login], Provider]] = {
    "anthropic": _anthropic,
    "openai": _openai,
    "openai_compatible": _compatible,
    "local": _local,
}


def resolve(model: str, access: Access) -> tuple[Provider, str]:
    """(provider, the model's name there). Called in a running event loop. Raises NodeError."""
    name, slash, model_name = model.partition("/")
    opener = _OPENERS.get(name)
    if opener is None or not slash or not model_name:
        raise NodeError(
            "model_unknown",
            f"'{model}' is no model: write provider/name with one of {', '.join(_OPENERS)}, "
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
        provider = kept[name, login] = opener(login)
    return provider, model_name
