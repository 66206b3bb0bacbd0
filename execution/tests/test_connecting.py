"""A credential is connected in the browser: what is asked, kept and refused on the way."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.change_forms import CredentialChangeForm
from accounts.credentials.vault import open_credential
from accounts.errors import InvalidValue
from accounts.models import AccessToken, AuditEvent, Credential, Membership, Role, User, Workspace
from accounts.permissions import Actor, member_actor
from accounts.services import create_credential, create_workspace, replace_secret
from execution import connecting
from execution.database import in_database
from execution.doors.credentials import RunCredentials
from execution.tests.oauth_provider_for_tests import (
    ACCESS,
    CLIENT_SECRET,
    REFRESH,
    Provider,
    id_token,
    values_for,
)
from flows.engine.errors import NodeError
from tests.support.site import Site, answer

pytestmark = pytest.mark.usefixtures("stack", "loopback")
BACK = "/settings/credentials/connected/"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    claims = id_token(email="ada@provider.example")
    async with Provider(refresh_token=REFRESH, id_token=claims) as listening:
        yield listening


class Person:
    """A member with a browser, and a credential of the workspace."""

    def __init__(self, values: dict[str, str], workspace: Workspace | None = None) -> None:
        self.user = User.objects.create_user(
            f"{uuid.uuid4().hex[:10]}@example.com", "x", name="Ada"
        )
        if workspace is None:
            workspace = create_workspace(self.user, name="Shop")
        else:
            Membership.objects.create(workspace=workspace, user=self.user, role=Role.ADMIN)
        self.workspace = workspace
        actor = member_actor(self.user, workspace)
        assert actor is not None
        self.actor: Actor = actor
        self.client = Client()
        self.client.force_login(self.user)
        self.values = values

    def credential(self, name: str = "Shop") -> Credential:
        return create_credential(self.actor, name=name, type="oauth2", values=self.values)

    def begin(self, credential: Credential) -> str:
        """The provider's address, as a browser with scripts is sent there."""
        answered = self.client.post(f"{_page(credential)}connect/", headers={"HX-Request": "true"})
        return str(answered.headers.get("HX-Redirect", ""))

    def back(self, **sent: str) -> str:
        """Come back from the provider; what the next page says."""
        answered = self.client.get(f"{BACK}?{urlencode(sent)}", follow=True)
        assert "canary" not in answered.content.decode()
        return " ".join(answered.content.decode().split())

    def said(self, credential: Credential) -> str:
        return " ".join(self.client.get(_page(credential)).content.decode().split())


def _page(credential: Credential) -> str:
    return f"/settings/credentials/{credential.pk}/"


async def on_a_thread[T](work: Callable[[], T]) -> T:
    def whole() -> T:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(whole)


async def test_s12_a_person_connects_it_and_what_is_given_is_kept_sealed(
    provider: Provider,
) -> None:
    def journey() -> Person:
        ada = Person(values_for(provider))
        credential = ada.credential()
        assert "Nobody is connected yet" in ada.said(credential)
        address = ada.begin(credential)
        asked = parse_qs(urlsplit(address).query)
        assert asked["redirect_uri"] == [connecting.redirect_uri()]
        assert (asked["scope"], asked["prompt"]) == (["read offline"], ["consent"])
        code, state = provider.code_for(address)
        page = ada.back(code=code, state=state, iss=provider.url)
        assert "Connected as ada@provider.example" in page
        assert "It is renewed by itself." in page
        event = AuditEvent.objects.get(action="credential.connect", target_id=str(credential.pk))
        assert (event.user_id, event.details["account"]) == (ada.user.pk, "ada@provider.example")
        sealed = AccessToken.objects.get(credential=credential).secret
        credential.refresh_from_db()
        assert b"canary" not in bytes(sealed or b"") + bytes(credential.secret)
        # The same answer once more is good for nothing.
        assert "used already" in ada.back(code=code, state=state, iss=provider.url)
        assert "Connected as" in ada.said(credential)
        opened = open_credential(ada.workspace.id, "Shop")
        assert opened is not None
        assert opened.secret == {"client_secret": CLIENT_SECRET, "refresh_token": REFRESH}
        return ada

    ada = await on_a_thread(journey)
    assert len(provider.exchanges) == 1
    async with RunCredentials(ada.workspace.id).open("Shop", ("oauth2",)) as opened:
        assert opened.secret["token"] == ACCESS
    # Kept, not asked for again; renewed by the refresh token once it is over.
    assert len(provider.exchanges) == 1
    await in_database(lambda: AccessToken.objects.all().update(expires_at="2020-01-01T00:00:00Z"))
    async with RunCredentials(ada.workspace.id).open("Shop", ("oauth2",)) as opened:
        assert opened.secret["token"] == ACCESS
    renewed = provider.exchanges[1]
    assert (renewed["grant_type"], renewed["refresh_token"]) == ("refresh_token", REFRESH)


async def test_a_state_is_for_one_session_one_person_one_credential_and_ten_minutes(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        credential = ada.credential()
        grace = Person({}, ada.workspace)
        elsewhere = Client()
        elsewhere.force_login(ada.user)
        code, state = provider.code_for(ada.begin(credential))
        for stranger in (grace.client, elsewhere):
            refused = stranger.get(f"{BACK}?{urlencode({'code': code, 'state': state})}")
            assert refused.status_code == 400
            assert "begun in another browser" in refused.content.decode()
        assert "Not connected" in ada.back(code=code, state="another")
        # Somebody else signs in with the same browser.
        session = ada.client.session
        kept = session[connecting._SESSION]
        begun = {key: {**value, "user": str(grace.user.pk)} for key, value in kept.items()}
        session[connecting._SESSION] = begun
        session.save()
        assert "Not connected" in ada.back(code=code, state=state)
        code, state = provider.code_for(ada.begin(credential))
        later = time.time() + connecting.LIFE + 1
        monkeypatch.setattr("execution.connecting.time.time", lambda: later)
        assert "older than ten minutes" in ada.back(code=code, state=state)
        monkeypatch.undo()
        assert Credential.objects.get(pk=credential.pk).connected_at is None

    await on_a_thread(journey)
    assert provider.exchanges == []


async def test_only_so_many_tabs_stay_open_and_each_connects_its_own(provider: Provider) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        one, other = ada.credential("One"), ada.credential("Other")
        first = provider.code_for(ada.begin(one))
        for _ in range(connecting.MOST_OPEN - 1):
            last = provider.code_for(ada.begin(other))
        assert "Connected as" in ada.back(code=last[0], state=last[1])
        assert Credential.objects.get(pk=one.pk).connected_at is None
        assert "Connected as" in ada.back(code=first[0], state=first[1])
        assert Credential.objects.get(pk=one.pk).connected_at is not None
        oldest = provider.code_for(ada.begin(one))
        for _ in range(connecting.MOST_OPEN):
            ada.begin(other)
        assert "Not connected" in ada.back(code=oldest[0], state=oldest[1])

    await on_a_thread(journey)


async def test_the_answer_of_another_provider_is_refused_before_its_code_is_sent_anywhere(
    provider: Provider,
) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        credential = ada.credential()
        for issuer in ("https://evil.example", "http://[::1", f"{provider.url}1"):
            code, state = provider.code_for(ada.begin(credential))
            said = ada.back(code=code, state=state, iss=issuer)
            assert "names another provider" in said

    await on_a_thread(journey)
    assert provider.exchanges == []


async def test_s14_what_a_provider_says_is_shown_as_text(provider: Provider) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        credential = ada.credential()
        _, state = provider.code_for(ada.begin(credential))
        words = "<script>alert(1)</script>\x00\u202e" + "x" * 5_000
        said = ada.back(error="invalid_scope", error_description=words, state=state)
        assert "The provider refused: invalid_scope &lt;script&gt;" in said
        assert "x" * 301 not in said
        _, state = provider.code_for(ada.begin(credential))
        assert "access was denied there" in ada.back(error="access_denied", state=state)
        _, state = provider.code_for(ada.begin(credential))
        assert "sent no code" in ada.back(state=state)
        # Without a state that is ours nothing of it is repeated.
        assert "invalid_scope" not in ada.back(error="invalid_scope", state="x")
        code, state = provider.code_for(ada.begin(credential))
        provider.replies = [answer(400, b'{"error": "invalid_client", "error_description": "<b>"}')]
        assert "answered 400: invalid_client &lt;b&gt;" in ada.back(code=code, state=state)
        assert Credential.objects.get(pk=credential.pk).connected_at is None

    await on_a_thread(journey)


async def test_s8_a_code_goes_neither_in_the_clear_nor_to_where_the_token_server_redirects(
    provider: Provider, settings: Settings
) -> None:
    async with Site(lambda *_: answer(200, b'{"access_token": "x"}')) as other:

        def journey() -> None:
            ada = Person(values_for(provider))
            credential = ada.credential()
            code, state = provider.code_for(ada.begin(credential))
            for status in (302, 307, 308):
                provider.replies = [answer(status, location=f"{other.url}/token")]
                assert f"answered {status}" in ada.back(code=code, state=state)
                code, state = provider.code_for(ada.begin(credential))
            public = {**ada.values, "authorization_url": "http://93.184.215.14/authorize"}
            replace_secret(ada.actor, credential, public)
            assert ada.begin(credential) == _page(credential)
            assert "The sign-in address begins with http://" in ada.said(credential)
            replace_secret(ada.actor, credential, ada.values)
            code, state = provider.code_for(ada.begin(credential))
            settings.FLUX_ALLOW_HOSTS = []
            assert "FLUX_ALLOW_HOSTS" in ada.back(code=code, state=state)

        await on_a_thread(journey)
        assert other.requests == []


async def test_nothing_is_kept_where_the_credential_changed_meanwhile(provider: Provider) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        credential = ada.credential()
        code, state = provider.code_for(ada.begin(credential))
        replace_secret(ada.actor, credential, {**ada.values, "scope": "all"})
        assert "was changed meanwhile" in ada.back(code=code, state=state)
        code, state = provider.code_for(ada.begin(credential))
        Credential.objects.filter(pk=credential.pk).delete()
        assert "not in this workspace any more" in ada.back(code=code, state=state)

    await on_a_thread(journey)
    assert provider.exchanges == []


async def test_s9_a_credential_of_another_workspace_is_not_connected(provider: Provider) -> None:
    def journey() -> None:
        ada, eve = Person(values_for(provider)), Person(values_for(provider))
        theirs = ada.credential()
        assert eve.client.post(f"{_page(theirs)}connect/").status_code == 404
        assert eve.client.post(f"{_page(theirs)}disconnect/").status_code == 404
        # Who left the workspace between the two halves connects nothing.
        grace = Person({}, ada.workspace)
        code, state = provider.code_for(grace.begin(theirs))
        Membership.objects.filter(user=grace.user).update(role=Role.VIEWER)
        refused = grace.client.get(f"{BACK}?{urlencode({'code': code, 'state': state})}")
        assert refused.status_code == 403

    await on_a_thread(journey)
    assert provider.exchanges == []


async def test_without_a_refresh_token_it_says_when_it_ends_and_asks_to_connect_again() -> None:
    async with Provider() as provider:

        def journey() -> Person:
            ada = Person(values_for(provider))
            credential = ada.credential()
            code, state = provider.code_for(ada.begin(credential))
            said = ada.back(code=code, state=state)
            assert "the provider gave nothing to renew it with" in said
            past = "2020-01-01T00:00:00Z"
            Credential.objects.filter(pk=credential.pk).update(connected_until=past)
            AccessToken.objects.filter(credential=credential).update(expires_at=past)
            assert "The connection has ended" in ada.said(credential)
            return ada

        ada = await on_a_thread(journey)
        with pytest.raises(NodeError, match="press Connect") as caught:
            async with RunCredentials(ada.workspace.id).open("Shop", ("oauth2",)):
                pass
        assert (caught.value.code, caught.value.retryable) == ("oauth2_refused", False)


async def test_disconnecting_forgets_what_was_given_and_a_new_address_does_too(
    provider: Provider,
) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        credential = ada.credential()
        for give_up in (_disconnect, _move):
            code, state = provider.code_for(ada.begin(credential))
            assert "Connected as" in ada.back(code=code, state=state)
            give_up(ada, credential)
            opened = open_credential(ada.workspace.id, "Shop")
            assert opened is not None
            assert opened.secret == {"client_secret": CLIENT_SECRET}
            assert not AccessToken.objects.filter(credential=credential).exists()
            assert "Nobody is connected yet" in ada.said(credential)
        assert AuditEvent.objects.filter(action="credential.disconnect").exists()

    await on_a_thread(journey)


def _disconnect(ada: Person, credential: Credential) -> None:
    for _ in range(2):
        assert ada.client.post(f"{_page(credential)}disconnect/").status_code == 302


def _move(ada: Person, credential: Credential) -> None:
    moved = {**ada.values, "token_url": f"{ada.values['token_url']}2"}
    with pytest.raises(InvalidValue, match="Enter the key again"):
        replace_secret(ada.actor, credential, {**moved, "client_secret": ""})
    replace_secret(ada.actor, credential, moved)


async def test_a_change_of_what_is_not_an_address_keeps_the_connection(provider: Provider) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        credential = ada.credential()
        code, state = provider.code_for(ada.begin(credential))
        ada.back(code=code, state=state)
        form = CredentialChangeForm(Credential.objects.get(pk=credential.pk))
        filled = {name: form[name].value() or "" for name in form.fields}
        changed = {**filled, "client_id": "shop2"}
        assert ada.client.post(f"{_page(credential)}change/", changed).status_code == 302
        assert "Connected as" in ada.said(credential)

    await on_a_thread(journey)


async def test_without_scripts_a_link_leads_to_the_provider(provider: Provider) -> None:
    def journey() -> None:
        ada = Person(values_for(provider))
        credential = ada.credential()
        page = ada.client.post(f"{_page(credential)}connect/").content.decode()
        assert f'href="{provider.url}/authorize?prompt=consent&amp;response_type=code' in page
        bearer = create_credential(ada.actor, name="B", type="bearer", values={"token": "x"})
        assert ada.begin(bearer) == _page(bearer)

    await on_a_thread(journey)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"authorization_url": ""}, "authorization_url"),
        ({"authorization_url": "javascript:alert(1)"}, "authorization_url"),
        ({"authorization_url": "https://ada:x@x.example/"}, "authorization_url"),
    ],
)
async def test_the_sign_in_address_is_a_web_address(values: dict[str, str], field: str) -> None:
    given = {
        "grant": "authorization_code",
        "token_url": "https://x.example/token",
        "client_id": "shop",
        **values,
    }

    def journey() -> None:
        with pytest.raises(InvalidValue) as caught:
            Person(given).credential()
        assert caught.value.field == field

    await on_a_thread(journey)
