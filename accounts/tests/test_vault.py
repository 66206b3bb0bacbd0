"""Stored secrets: sealed, bound to their workspace, masked, sealed anew."""

import base64
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from accounts.credentials.vault import (
    MASK,
    SecretUnreadable,
    mask,
    open_credential,
    seal,
    secret_strings,
    unseal,
)
from accounts.errors import InvalidValue
from accounts.models import AuditEvent, Credential, User, Workspace
from accounts.permissions import Actor, PermissionRefused, key_actor
from accounts.services import create_credential, delete_credential, replace_secret
from accounts.tests.secrets_for_tests import credential_secret

CANARY = "sk-canary/+7f3a&91"
DATABASE = {"host": "db.example.com", "database": "shop", "username": "ada", "password": CANARY}
MAIL = {"host": "smtp.example.com", "sender": "Shop <shop@example.com>"}


def _anthropic(actor: Actor, name: str = "Claude", key: str = CANARY) -> Credential:
    return create_credential(actor, name=name, type="anthropic", values={"api_key": key})


def test_a_secret_comes_back_for_its_workspace_only(
    actor: Actor, other_workspace: Workspace
) -> None:
    sealed = seal(actor.workspace_id, {"api_key": CANARY})
    assert CANARY.encode() not in sealed
    assert unseal(actor.workspace_id, sealed) == {"api_key": CANARY}
    with pytest.raises(SecretUnreadable, match="another workspace"):
        unseal(other_workspace.id, sealed)


def test_the_newest_credential_of_a_type_is_used(actor: Actor, other_workspace: Workspace) -> None:
    assert credential_secret(actor.workspace_id, "anthropic") is None
    _anthropic(actor, "old", "first-key")
    _anthropic(actor, "new", "second-key")
    assert credential_secret(actor.workspace_id, "anthropic") == ({}, {"api_key": "second-key"})
    assert credential_secret(other_workspace.id, "anthropic") is None


def test_a_credential_is_opened_by_name_or_id_in_its_workspace(
    actor: Actor, other_workspace: Workspace
) -> None:
    values = {"header": "X-Api-Key", "value": CANARY}
    made = create_credential(actor, name="Weather", type="header", values=values)
    for reference in ("Weather", str(made.id)):
        opened = open_credential(actor.workspace_id, reference)
        assert opened is not None
        assert (opened.settings, opened.secret) == ({"header": "X-Api-Key"}, {"value": CANARY})
        assert CANARY not in repr(opened)
        assert open_credential(other_workspace.id, reference) is None


def test_a_secret_is_in_no_column_and_no_audit_event(actor: Actor) -> None:
    credential = _anthropic(actor)
    replace_secret(actor, credential, {"api_key": CANARY + "2"})
    delete_credential(actor, credential)
    events = AuditEvent.objects.filter(action__startswith="credential.")
    assert events.count() == 3
    assert CANARY not in str(list(events.values()))


@pytest.mark.parametrize(
    ("kind", "values", "field"),
    [
        ("anthropic", {}, "api_key"),
        ("openai_compatible", {}, "base_url"),
        ("openai_compatible", {"base_url": "models.example/v1"}, "base_url"),
        ("openai_compatible", {"base_url": "https://me:pw@models.example"}, "base_url"),
        ("bearer", {"token": "a\r\nX-Evil: 1"}, "token"),
        ("header", {"header": "X Y", "value": "1"}, "header"),
        ("nonsense", {}, "type"),
        ("postgresql", {**DATABASE, "host": "https://db.example.com"}, "host"),
        ("postgresql", {**DATABASE, "host": "db.example.com,10.0.0.1"}, "host"),
        ("postgresql", {**DATABASE, "host": "/var/run/postgresql"}, "host"),
        ("mysql", {**DATABASE, "port": "65536"}, "port"),
        ("mysql", {**DATABASE, "port": "-1"}, "port"),
        ("mysql", {**DATABASE, "tls": "maybe"}, "tls"),
        ("mysql", {**DATABASE, "ca": "-----BEGIN CERTIFICATE-----\nMIIx"}, "ca"),
        ("mysql", {**DATABASE, "password": ""}, "password"),
        ("smtp", {**MAIL, "sender": "Shop"}, "sender"),
        ("smtp", {**MAIL, "sender": "a@example.com\nBcc: b@example.com"}, "sender"),
        ("smtp", {**MAIL, "security": "none", "password": "secret"}, "security"),
        ("mcp", {"url": "stdio://npx"}, "url"),
        ("mcp", {"url": "http://[::1"}, "url"),
        ("mcp", {"url": "https://x.example", "header": "X Y"}, "header"),
    ],
)
def test_a_credential_that_cannot_work_is_refused_naming_the_field(
    actor: Actor, kind: str, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        create_credential(actor, name="x", type=kind, values=values)
    assert refused.value.field == field


def test_what_is_not_filled_in_gets_its_usual_value(actor: Actor) -> None:
    made = create_credential(actor, name="x", type="postgresql", values=DATABASE)
    assert made.settings == {
        **{"host": "db.example.com", "port": "5432", "tls": "verify"},
        **{"database": "shop", "username": "ada"},
    }
    mail = create_credential(actor, name="y", type="smtp", values=MAIL)
    assert (mail.settings["port"], mail.settings["security"]) == ("587", "starttls")


def test_two_credentials_of_one_name_are_refused(actor: Actor) -> None:
    _anthropic(actor)
    with pytest.raises(InvalidValue, match="exists already"):
        _anthropic(actor)


def test_a_secret_left_empty_is_kept(actor: Actor) -> None:
    made = create_credential(
        actor, name="x", type="basic", values={"username": "ada", "password": CANARY}
    )
    replace_secret(actor, made, {"username": "bob", "password": ""})
    assert credential_secret(actor.workspace_id, "basic") == (
        {"username": "bob"},
        {"password": CANARY},
    )


def test_a_kept_secret_is_never_sent_to_a_new_address(actor: Actor) -> None:
    values = {"base_url": "https://good.example/v1", "api_key": CANARY}
    made = create_credential(actor, name="x", type="openai_compatible", values=values)
    with pytest.raises(InvalidValue, match="Enter the key again"):
        replace_secret(actor, made, {"base_url": "https://evil.example/v1"})


@pytest.mark.parametrize("change", [{"host": "evil.example"}, {"port": "1"}, {"tls": "off"}])
def test_a_kept_password_goes_to_no_other_host_nor_less_safely(
    actor: Actor, change: dict[str, str]
) -> None:
    made = create_credential(actor, name="x", type="postgresql", values=DATABASE)
    kept = {**DATABASE, "password": ""}
    assert replace_secret(actor, made, {**kept, "database": "b"}).settings["database"] == "b"
    with pytest.raises(InvalidValue, match="Enter the key again") as refused:
        replace_secret(actor, made, {**kept, **change})
    assert refused.value.field == next(iter(change))


def test_an_api_key_manages_no_credentials(actor: Actor) -> None:
    as_key = key_actor(actor.workspace_id, actor.workspace_id, "ci", ["flows:write"])
    with pytest.raises(PermissionRefused):
        _anthropic(as_key)


def test_masking_hides_a_secret_however_it_is_written() -> None:
    forms = [CANARY, quote(CANARY, safe=""), base64.b64encode(CANARY.encode()).decode()]
    forms += [CANARY.replace("/", "\\/"), CANARY.replace("&", "&amp;")]
    text = "said " + " and ".join(forms)
    masked = mask(text, secret_strings({"a": [{"b": CANARY}]}))
    assert masked == "said " + " and ".join([MASK] * 5)


def test_masking_leaves_words_alone_where_a_secret_is_very_short() -> None:
    assert mask("a cat sat", secret_strings({"password": "at"})) == "a cat sat"


def _key() -> str:
    return Fernet.generate_key().decode()


def test_rotation_needs_the_old_key_once_only(actor: Actor, settings: Any) -> None:
    old, new = _key(), _key()
    settings.FLUX_SECRET_KEYS = [old]
    _anthropic(actor, "one")
    _anthropic(actor, "two")
    settings.FLUX_SECRET_KEYS = [new, old]
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    assert out.getvalue().startswith("2 secrets")
    settings.FLUX_SECRET_KEYS = [new]
    assert credential_secret(actor.workspace_id, "anthropic") == ({}, {"api_key": CANARY})


def test_rotation_names_what_it_cannot_read_and_leaves_it(actor: Actor, settings: Any) -> None:
    lost = _key()
    settings.FLUX_SECRET_KEYS = [lost]
    before = bytes(_anthropic(actor, "lost").secret)
    settings.FLUX_SECRET_KEYS = [_key()]
    _anthropic(actor, "fine")
    out, errors = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 secrets could not be read"):
        call_command("rotate_secrets", stdout=out, stderr=errors)
    assert out.getvalue().startswith("1 secrets")
    assert "'lost' of workspace analytical-engines" in errors.getvalue()
    assert bytes(Credential.objects.get(name="lost").secret) == before
    with pytest.raises(SecretUnreadable, match="FLUX_SECRET_KEYS"):
        unseal(actor.workspace_id, before)


def test_second_factors_are_stored_encrypted_and_survive_a_rotation(
    owner: User, settings: Any
) -> None:
    old, new = _key(), _key()
    settings.FLUX_SECRET_KEYS = [old]
    totp = TOTP.activate(owner, "JBSWY3DPEHPK3PXP")
    codes = RecoveryCodes.activate(owner).get_unused_codes()
    assert "JBSWY3DPEHPK3PXP" not in str(totp.instance.data)
    settings.FLUX_SECRET_KEYS = [new, old]
    out = StringIO()
    call_command("rotate_secrets", stdout=out)
    assert out.getvalue().startswith("2 secrets")
    settings.FLUX_SECRET_KEYS = [new]
    again = RecoveryCodes(Authenticator.objects.get(type="recovery_codes"))
    assert again.get_unused_codes() == codes
    with pytest.raises(SecretUnreadable):
        TOTP(totp.instance).validate_code("000000")
    assert not TOTP(Authenticator.objects.get(type="totp")).validate_code("x")
