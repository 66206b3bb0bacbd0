"""A person's e-mail addresses: allauth's page, where none is taken that another account has."""

from contextlib import suppress
from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.account.views import EmailView
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.authentication.claims import end_unused

TAKEN = (
    "Another account signs in with {email} without having verified it. Ask an operator of this "
    "installation to delete that one, or to give it another address."
)


class AddressesPage(EmailView):  # type: ignore[misc]
    """Adding, removing, verifying, and choosing the one that signs in."""

    def post(self, request: HttpRequest, *given: Any, **more: Any) -> HttpResponse:
        """As allauth does it; another first address is had wholly or not at all."""
        if "action_primary" not in request.POST:
            return cast(HttpResponse, super().post(request, *given, **more))
        # Who takes the address at this moment makes it an IntegrityError.
        with suppress(IntegrityError), transaction.atomic():
            if self._is_free(request):
                return cast(HttpResponse, super().post(request, *given, **more))
        messages.error(request, TAKEN.format(email=request.POST.get("email", "")))
        return redirect("account_email")

    def _is_free(self, request: HttpRequest) -> bool:
        verified = EmailAddress.objects.filter(user=request.user, verified=True)
        row = verified.filter(email__iexact=request.POST.get("email", "")).first()
        # What is not theirs, or not verified, allauth refuses.
        return row is None or end_unused(row.email, owner=row.user)
