"""Whatever a stranger sends for a passkey is refused in words, and written down."""

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.authentication.passkeys import passkeys_work, relying_party
from accounts.models import AuditEvent, User
from accounts.tests.conftest import PASSWORD

SIGN_IN = "/accounts/2fa/webauthn/login/"
_ID = "AAAAAAAAAAAAAAAAAAAAAA"
NONSENSE: list[Any] = [
    None,
    1,
    "x",
    [],
    [1],
    {},
    {"response": None},
    {"response": []},
    {"response": {"userHandle": None}},
    {"id": _ID, "rawId": _ID, "type": "public-key", "response": {"userHandle": 1}},
    {
        "id": _ID,
        "rawId": _ID,
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": _ID,
            "authenticatorData": _ID,
            "signature": _ID,
            "userHandle": "eA",
        },
    },
    {
        "id": "é",
        "rawId": {},
        "type": 3,
        "response": {"clientDataJSON": "!", "attestationObject": [], "userHandle": "\x00"},
    },
]


@pytest.fixture(autouse=True)
def _uncounted(db: None, settings: Settings) -> None:
    cache.clear()
    settings.MFA_RATE_LIMITS = False
    settings.ALLOWED_HOSTS = ["*"]


@pytest.mark.parametrize("sent", NONSENSE, ids=str)
def test_s15_nonsense_for_a_passkey_signs_nobody_in(client: Client, owner: User, sent: Any) -> None:
    client.get(SIGN_IN, headers={"Accept": "application/json"})
    answer = client.post(SIGN_IN, {"credential": json.dumps(sent)})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
    assert "_auth_user_id" not in client.session
    refused = AuditEvent.objects.filter(action="sign_in.refused", details__with="passkey")
    # An empty field is no try.
    assert refused.exists() == (sent not in (None, [], {}))


@pytest.mark.parametrize("sent", NONSENSE, ids=str)
def test_nonsense_for_a_new_passkey_is_refused(client: Client, owner: User, sent: Any) -> None:
    client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    add = "/accounts/2fa/webauthn/add/"
    assert client.get(add).status_code == 200
    answer = client.post(add, {"name": "x", "credential": json.dumps(sent)})
    assert answer.status_code == 200
    assert not owner.authenticator_set.exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("public", "host", "secure", "party", "works"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", False, "127.0.0.1", False),
        ("http://127.0.0.1:8000", "localhost:8000", False, "localhost", True),
        ("https://flux.example", "flux.example", True, "flux.example", True),
        ("http://flux.example", "flux.example", False, "flux.example", False),
        ("https://flux.example", "other.example", True, "flux.example", False),
        ("https://flux.example", "localhost", True, "flux.example", False),
        ("https://[2001:db8::1]", "[2001:db8::1]", True, "2001:db8::1", False),
    ],
)
def test_passkeys_are_bound_to_the_name_that_people_come_by(
    settings: Settings, public: str, host: str, secure: bool, party: str, works: bool
) -> None:
    settings.FLUX_PUBLIC_URL = public
    request = RequestFactory().get("/", headers={"Host": host}, secure=secure)
    assert (relying_party(request), passkeys_work(request)) == (party, works)
