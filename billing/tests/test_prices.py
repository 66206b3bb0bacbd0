"""What a model call costs."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from billing import prices
from billing.models import PriceOverride
from billing.prices import forget_overrides, price
from flows.engine.model_usage import ModelUsage

USAGE = ModelUsage(input_tokens=1_000_000, output_tokens=100_000)


@pytest.fixture(autouse=True)
def _no_memory(db: None) -> Iterator[None]:
    forget_overrides()
    yield
    forget_overrides()


def _override(model: str = "anthropic/claude-haiku-5-5") -> PriceOverride:
    return PriceOverride.objects.create(
        model=model, input_per_million=Decimal("2"), output_per_million=Decimal("30")
    )


def test_a_known_model_costs_what_the_package_says() -> None:
    found = price("anthropic/claude-haiku-5-5", USAGE)
    assert found.source == "genai-prices@0.2.3"
    assert found.cost > 0


def test_a_dated_name_of_a_known_model_costs_the_same() -> None:
    dated = price("anthropic/claude-haiku-5-5-20261001", USAGE)
    assert dated == price("anthropic/claude-haiku-5-5", USAGE)


def test_cached_tokens_are_cheaper_and_never_counted_twice() -> None:
    cached = ModelUsage(input_tokens=1_000_000, output_tokens=100_000, cache_read_tokens=900_000)
    assert (
        price("anthropic/claude-haiku-5-5", cached).cost
        < price("anthropic/claude-haiku-5-5", USAGE).cost
    )


def test_more_cached_than_counted_tokens_still_get_a_price() -> None:
    odd = ModelUsage(input_tokens=10, cache_read_tokens=100, cache_write_tokens=100)
    assert price("openai/gpt-5.5", odd).source.startswith("genai-prices@")


def test_the_operators_own_price_wins() -> None:
    _override()
    found = price("anthropic/claude-haiku-5-5", USAGE)
    assert (found.cost, found.source) == (Decimal("5.00000000"), "override")


def test_an_override_prices_models_that_nobody_else_knows() -> None:
    _override("openai_compatible/house-model")
    assert price("openai_compatible/house-model", USAGE).cost == Decimal("5")
    assert price("openai_compatible/other", USAGE) == prices.Price(Decimal(0), "unknown")


@pytest.mark.parametrize(
    "model", ["anthropic/nonsense", "openai/gpt-99", "nobody/x", "", "no-slash", "openai/"]
)
def test_a_model_nobody_knows_costs_nothing_and_says_so(model: str) -> None:
    assert price(model, USAGE) == prices.Price(Decimal(0), "unknown")


def test_the_local_model_is_free() -> None:
    assert price("local/smollm2", USAGE) == prices.Price(Decimal(0), "free")


def test_overrides_are_remembered_for_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(prices.time, "monotonic", lambda: now)
    assert price("local/smollm2", USAGE).source == "free"
    _override("local/smollm2")
    assert price("local/smollm2", USAGE).source == "free"
    now += prices.REMEMBERED
    assert price("local/smollm2", USAGE).source == "override"


@pytest.mark.parametrize(
    ("read", "write", "cost"),
    [
        (None, None, "4.6"),  # As other input: 1 million at 2, and 86,667 at 30.
        ("0.5", None, "3.7"),
        (None, "4", "5.0"),
        ("0", "0", "3"),
    ],
)
def test_cache_tokens_cost_what_the_operator_says(
    read: str | None, write: str | None, cost: str
) -> None:
    PriceOverride.objects.create(
        model="house/x",
        input_per_million=2,
        output_per_million=30,
        cache_read_per_million=read and Decimal(read),
        cache_write_per_million=write and Decimal(write),
    )
    usage = ModelUsage(1_000_000, 86_667, cache_read_tokens=600_000, cache_write_tokens=200_000)
    assert price("house/x", usage).cost.quantize(Decimal("0.1")) == Decimal(cost)
    # More cached than counted tokens are counted once.
    odd = ModelUsage(1_000_000, 0, cache_read_tokens=9_000_000, cache_write_tokens=9_000_000)
    assert price("house/x", odd).cost == Decimal(read or 2)
