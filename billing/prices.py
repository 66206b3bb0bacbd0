"""What a model call costs: the operator's own price first, then the price package."""

import time
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import Any

from billing.models import PriceOverride
from flows.engine.model_usage import ModelUsage

#: Seconds for which the overrides are remembered by a process.
REMEMBERED = 30.0
MILLION = Decimal(1_000_000)
PLACES = Decimal("0.00000001")

#: Our provider names where the price package has others.
PACKAGE_PROVIDERS = {"anthropic": "anthropic", "openai": "openai"}
#: Providers whose models run here and cost nothing.
FREE_PROVIDERS = frozenset({"local"})


@dataclass(frozen=True)
class Price:
    """US dollars for one call. `source` is override, genai-prices@<version>, free or unknown."""

    cost: Decimal
    source: str


@dataclass(frozen=True)
class OwnPrice:
    """An operator's price: US dollars per million. Cache tokens without one count as input."""

    input_per_million: Decimal
    output_per_million: Decimal
    cache_read_per_million: Decimal | None = None
    cache_write_per_million: Decimal | None = None

    def cost(self, usage: ModelUsage) -> Decimal:
        """Of one call, not rounded. Cached tokens beyond the input are not counted."""
        read, written = _cached(usage)
        dear = self.input_per_million
        reading = dear if self.cache_read_per_million is None else self.cache_read_per_million
        writing = dear if self.cache_write_per_million is None else self.cache_write_per_million
        plain = usage.input_tokens - read - written
        total = plain * dear + read * reading + written * writing
        return (total + usage.output_tokens * self.output_per_million) / MILLION


_overrides: dict[str, OwnPrice] = {}
_read_at = -REMEMBERED


def price(model: str, usage: ModelUsage) -> Price:
    """The cost of a call to `model` (provider/name). A model nobody knows costs 0, `unknown`."""
    own = own_prices().get(model)
    if own is not None:
        return Price(own.cost(usage).quantize(PLACES), "override")
    provider, _, name = model.partition("/")
    if provider in FREE_PROVIDERS:
        return Price(Decimal(0), "free")
    return _package_price(provider, name, usage)


def forget_overrides() -> None:
    """Read the overrides again at the next price; called where they are changed."""
    global _read_at
    _read_at = -REMEMBERED


def own_prices() -> dict[str, OwnPrice]:
    """The operators' prices by model; read at most every half minute."""
    global _overrides, _read_at
    now = time.monotonic()
    if now - _read_at >= REMEMBERED:
        _overrides = {
            row.model: OwnPrice(
                row.input_per_million,
                row.output_per_million,
                row.cache_read_per_million,
                row.cache_write_per_million,
            )
            for row in PriceOverride.objects.all()
        }
        _read_at = now
    return _overrides


def _package_price(provider: str, name: str, usage: ModelUsage) -> Price:
    listed = PACKAGE_PROVIDERS.get(provider)
    if listed is None:
        return Price(Decimal(0), "unknown")
    # Half a second and 40 MB at first use: only workers that call paid models pay for it.
    from genai_prices import calc_price

    try:
        found = calc_price(_package_usage(usage), name, provider_id=listed)
    except LookupError:
        return Price(Decimal(0), "unknown")
    return Price(found.total_price.quantize(PLACES), f"genai-prices@{package_version()}")


def _package_usage(usage: ModelUsage) -> Any:
    from genai_prices import Usage

    read, written = _cached(usage)
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=read or None,
        cache_write_tokens=written or None,
    )


def _cached(usage: ModelUsage) -> tuple[int, int]:
    """Input tokens read from and written to a cache, never more than there are.

    Some compatible servers report more, which the package refuses.
    """
    read = min(usage.cache_read_tokens, usage.input_tokens)
    return read, min(usage.cache_write_tokens, usage.input_tokens - read)


@cache
def package_version() -> str:
    """Of the price package that is installed."""
    return version("genai-prices")
