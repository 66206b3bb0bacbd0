"""What a workspace can use: its own credentials first, then what the operator configured."""

import time
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from django.conf import settings

from accounts.credentials.vault import SecretUnreadable, note_use, open_newest
from execution.credential_limits import CallLimits, limits_from
from execution.database import in_database
from execution.providers.base import Access, Login
from execution.providers.registry import NEEDS
from flows.engine.errors import NodeError

#: Seconds until a new or changed credential counts; a busy workspace asks a hundred times in it.
KEPT_SECONDS = 5.0
_KEPT_WORKSPACES = 1_000
_FROM_CREDENTIALS = ("anthropic", "openai", "openai_compatible")
#: Where a node and its workspace name no model: the small current one of the first configured.
_DEFAULTS = {"anthropic": "claude-haiku-5-5", "openai": "gpt-6-luna", "local": "smollm2"}
_ORDER = ("anthropic", "openai", "openai_compatible", "local")

_kept: dict[UUID, tuple[float, Access]] = {}


async def access_of(workspace_id: UUID) -> Access:
    """For a running event loop: at once where it is known, else from a database thread."""
    known = _known(workspace_id)
    if known is not None:
        return known
    return await in_database(lambda: access_for(workspace_id))


def access_for(workspace_id: UUID) -> Access:
    """What this workspace can use; read at most every five seconds. Raises NodeError."""
    known = _known(workspace_id)
    if known is not None:
        return known
    logins = operators_logins()
    for provider in _FROM_CREDENTIALS:
        login = _credential(workspace_id, provider)
        if login is not None:
            logins[provider] = login
    access = Access(logins)
    if len(_kept) >= _KEPT_WORKSPACES:
        _kept.clear()
    _kept[workspace_id] = (time.monotonic(), access)
    return access


def forget_access() -> None:
    """The next call reads anew; for tests and for changed settings."""
    _kept.clear()


def _known(workspace_id: UUID) -> Access | None:
    at, access = _kept.get(workspace_id, (0.0, None))
    return access if access is not None and time.monotonic() - at < KEPT_SECONDS else None


def _credential(workspace_id: UUID, provider: str) -> Login | None:
    try:
        opened = open_newest(workspace_id, provider)
    except SecretUnreadable as error:
        raise NodeError("model_auth", error.message) from error
    if opened is None:
        return None
    note_use(opened.id)
    return Login(
        api_key=opened.secret.get("api_key", ""),
        base_url=opened.settings.get("base_url", ""),
        source=f"the workspace's {provider} credential",
        default_model=opened.settings.get("default_model", ""),
        limits=limits_from(opened),
    )


def limits_of(model: str, access: Access) -> CallLimits | None:
    """What calls of this `provider/model` have to keep to; None: nothing."""
    provider = model.partition("/")[0]
    login = access.logins.get(provider)
    if login is None or login.limits is not None or not login.trusted:
        return login.limits if login else None
    if settings.FLUX_PROVIDER_MAX_CONCURRENT is None:
        return None
    # One key of the operator's serves all workspaces.
    key = uuid5(NAMESPACE_URL, f"fluxprompt:{login.source}")
    return CallLimits(key, login.source, settings.FLUX_PROVIDER_MAX_CONCURRENT)


def operators_logins() -> dict[str, Login]:
    """From the environment; addresses in it are the operator's and need no allowance."""
    logins: dict[str, Login] = {}
    if settings.ANTHROPIC_API_KEY:
        logins["anthropic"] = Login(
            settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL, "ANTHROPIC_API_KEY", True
        )
    if settings.OPENAI_API_KEY:
        logins["openai"] = Login(
            settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, "OPENAI_API_KEY", True
        )
    if settings.OPENAI_BASE_URL:
        # A server behind this address may know chat completions only; then it is used as such.
        logins["openai_compatible"] = Login(
            settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, "OPENAI_API_KEY", True
        )
    if settings.FLUX_LOCAL_MODEL_URL:
        address = settings.FLUX_LOCAL_MODEL_URL.rstrip("/")
        address = address if urlsplit(address).path else f"{address}/v1"
        logins["local"] = Login("", address, "FLUX_LOCAL_MODEL_URL", True)
    return logins


def default_model(workspace_default: str, access: Access) -> str:
    """`provider/name` for a node that names none. Raises NodeError where nothing is configured."""
    if workspace_default:
        return workspace_default
    for provider in _ORDER:
        login = access.logins.get(provider)
        name = (login.default_model if login else "") or _DEFAULTS.get(provider, "")
        if login and name:
            return f"{provider}/{name}"
    if "openai_compatible" in access.logins:
        raise NodeError(
            "model_not_configured",
            "Name a model in this node: an OpenAI-compatible server has no default. "
            "Write openai_compatible/name, or set the workspace's default model.",
            field="model",
        )
    raise NodeError(
        "model_not_configured",
        f"No language model is set up yet. {NEEDS['anthropic']} To try it without a key: "
        f"{NEEDS['local'][0].lower()}{NEEDS['local'][1:]}",
        field="model",
    )
