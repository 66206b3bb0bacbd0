"""Whether the nodes of a workspace can reach a language model at all."""

from django.conf import settings

from accounts.models import Credential, CredentialType, Workspace

_PROVIDERS = (CredentialType.ANTHROPIC, CredentialType.OPENAI, CredentialType.OPENAI_COMPATIBLE)
_SETTINGS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "FLUX_LOCAL_MODEL_URL")


def has_model_provider(workspace: Workspace) -> bool:
    """A provider's key in the workspace, one in the environment, or the local model."""
    if any(getattr(settings, name, "") for name in _SETTINGS):
        return True
    return Credential.objects.filter(workspace=workspace, type__in=_PROVIDERS).exists()
