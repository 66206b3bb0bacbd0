"""The catalogue of models: refreshed from the price package, changed by operators, asked by all."""

from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from billing import services
from billing.catalogue import capabilities, forget_catalogue, offer_payload, offers, words
from billing.model_facts import CAPABILITIES, facts_of
from billing.models import CatalogueModel, PriceOverride
from billing.package_models import package_models
from billing.prices import PACKAGE_PROVIDERS, forget_overrides, price
from billing.services import refresh_catalogue
from flows.engine.node_type import ModelUsage

pytestmark = pytest.mark.django_db
HAIKU = "anthropic/claude-haiku-5-5"


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    forget_catalogue()
    forget_overrides()
    yield
    forget_catalogue()
    forget_overrides()


@pytest.fixture
def desk(client: Any) -> Any:
    client.force_login(User.objects.create_superuser("root@example.com", "correct horse battery"))
    return client


def offer(model: str) -> Any:
    return next(one for one in offers(["anthropic", "openai", "house"]) if one.model == model)


def test_a_refresh_takes_titles_prices_and_what_models_can_do() -> None:
    done = refresh_catalogue()
    assert done.added == CatalogueModel.objects.count() > 30
    assert done.unknown > 10
    again = refresh_catalogue()
    assert (again.added, again.changed, again.kept) == (0, 0, done.added)
    payload = offer_payload(offer(HAIKU))
    assert payload["title"] == "Claude Haiku 5.5"
    assert payload["context_tokens"] == 1_000_000
    assert payload["max_output_tokens"] == 128_000
    assert payload["capabilities"] == [
        *("vision", "documents", "tools", "structured_output", "effort", "streaming")
    ]
    assert payload["prices"] == {
        "input": "0.1",
        "output": "0.5",
        "cache_read": "0.01",
        "cache_write": "0.125",
        "rises": True,
        "currency": "USD",
    }
    assert payload["source"] == "genai-prices@0.2.3"


def test_prices_of_the_catalogue_are_those_that_calls_are_booked_at() -> None:
    refresh_catalogue()
    for one in offers(["anthropic", "openai"]):
        if one.answers and one.prices is not None:
            usage = ModelUsage(input_tokens=1_000, output_tokens=1_000)
            assert one.prices.input is not None
            assert one.prices.output is not None
            booked = price(one.model, usage).cost
            assert booked == (one.prices.input + one.prices.output) / 1_000, one.model


def test_what_an_operator_has_set_outlives_a_refresh(desk: Any) -> None:
    refresh_catalogue()
    row = CatalogueModel.objects.get(model=HAIKU)
    CatalogueModel.objects.filter(pk=row.pk).update(input_per_million=Decimal(9))
    form = {"title": "Ours", "context_tokens": "1000000", "max_output_tokens": "128000"}
    kept = [name for name in CAPABILITIES if name in row.capabilities and name != "vision"]
    address = f"/admin/billing/cataloguemodel/{row.pk}/change/"
    assert desk.post(address, {**form, "capabilities": kept, "enabled": "on"}).status_code == 302
    row.refresh_from_db()
    assert row.own == ["capabilities", "title"]
    assert not capabilities(HAIKU).has("vision")
    refresh_catalogue()
    row.refresh_from_db()
    assert (row.title, row.input_per_million) == ("Ours", Decimal("0.1"))
    assert "vision" not in row.capabilities
    listing = {"action": "reset", "_selected_action": [row.pk]}
    assert desk.post("/admin/billing/cataloguemodel/", listing).status_code == 302
    row.refresh_from_db()
    assert (row.title, row.own, "vision" in row.capabilities) == ("Claude Haiku 5.5", [], True)


def test_an_operator_adds_a_model_with_a_price_of_their_own(desk: Any) -> None:
    form = {"model": "house/tiny", "title": "Tiny", "capabilities": ["temperature"]}
    added = desk.post("/admin/billing/cataloguemodel/add/", {**form, "enabled": "on"})
    assert added.status_code == 302, added.content.decode()
    PriceOverride.objects.create(
        model="house/tiny", input_per_million=2, output_per_million=8, cache_read_per_million=1
    )
    refresh_catalogue()
    found = offer("house/tiny")
    assert found.source == "override"
    assert words(found) == "Tiny · $2 in, $8 out · temperature"
    assert capabilities("house/tiny").can == {"temperature"}
    wrong = desk.post("/admin/billing/cataloguemodel/add/", {**form, "model": "tiny"})
    assert "Write provider/name." in wrong.content.decode()


def test_models_that_are_switched_off_or_fading_are_not_offered_but_known() -> None:
    refresh_catalogue()
    offered = {one.model for one in offers(["anthropic", "openai"])}
    assert {HAIKU, "openai/gpt-6-luna", "openai/text-embedding-3-small"} <= offered
    assert "openai/gpt-4o" not in offered
    assert capabilities("openai/gpt-4o").has("temperature")
    assert {one.model.partition("/")[0] for one in offers(["anthropic"])} == {"anthropic"}
    CatalogueModel.objects.filter(model=HAIKU).update(enabled=False)
    forget_catalogue()
    assert HAIKU not in {one.model for one in offers(["anthropic"])}


@pytest.mark.parametrize(
    ("model", "known", "temperature", "with_effort", "effort"),
    [
        ("anthropic/claude-opus-5-5", True, False, False, True),
        ("anthropic/claude-haiku-4-5-20251001", True, False, False, False),
        ("anthropic/claude-fable-7-1", True, False, False, True),
        ("anthropic/somebody-elses", False, False, False, True),
        ("openai/gpt-6.1-sol-2026-11-01", True, False, False, True),
        ("openai/gpt-5.4-mini", True, True, False, True),
        ("openai/gpt-4.1", True, True, True, False),
        ("openai/gpt-5.5-pro", False, True, True, True),
        ("openai_compatible/qwen3", False, True, True, True),
        ("local/smollm2", False, True, True, True),
    ],
)
def test_what_is_known_of_a_model_that_the_catalogue_lacks(
    model: str, known: bool, temperature: bool, with_effort: bool, effort: bool
) -> None:
    can = capabilities(model)
    assert can.is_known is known
    assert can.takes_temperature(None) is temperature
    assert can.takes_temperature("low") is with_effort
    assert can.has("effort") is effort


def test_the_table_of_families_names_only_what_there_is() -> None:
    known = [facts for one in package_models() if (facts := facts_of(one.model))]
    assert {facts.provider for facts in known} == set(PACKAGE_PROVIDERS)
    assert {name for facts in known for name in facts.can} <= set(CAPABILITIES)
    # The default models of the providers are known.
    assert facts_of(HAIKU)
    assert facts_of("openai/gpt-6-luna")


def test_the_command_says_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    few = [one for one in package_models() if one.model in (HAIKU, "openai/davinci")]
    monkeypatch.setattr(services, "package_models", lambda: iter(few))
    out = StringIO()
    call_command("refresh_models", stdout=out)
    assert out.getvalue().startswith("genai-prices@0.2.3: 1 models are new, 0 changed, 0 stayed")
    assert "1 are left out" in out.getvalue()
