"""API keys as DRF authentication."""

from rest_framework.authentication import BaseAuthentication


class ApiKeyAuthentication(BaseAuthentication):
    """Owner: the accounts work; filled in there."""

    def authenticate(self, request):  # type: ignore[no-untyped-def]
        return None
