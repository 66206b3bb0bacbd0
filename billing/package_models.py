"""Models and their prices as the installed price package has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.prices import PACKAGE_PROVIDERS, package_version

#: US dollars are kept to a millionth.
PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class PackageModel:
    """One model. Prices are US dollars per million tokens; None where it has no price by token.

    `price_rises`: long requests cost more for each token than the price here.
    """

    model: str
    title: str
    context_tokens: int | None
    input_per_million: Decimal | None
    output_per_million: Decimal | None
    cache_read_per_million: Decimal | None
    cache_write_per_million: Decimal | None
    price_rises: bool


def source() -> str:
    """Package and version, as prices name it."""
    return f"genai-prices@{package_version()}"


def package_models() -> Iterator[PackageModel]:
    """All of them, of the providers that can be called. Half a second and 40 MB at first use."""
    from genai_prices.data_snapshot import get_snapshot

    now = datetime.now(UTC)
    ours = {listed: own for own, listed in PACKAGE_PROVIDERS.items()}
    for provider in get_snapshot().providers:
        if provider.id in ours:
            for found in provider.models:
                yield _model(ours[provider.id], found, now)


def _model(provider: str, found: Any, now: datetime) -> PackageModel:
    prices = found.get_prices(now)
    columns = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")
    given = {column: getattr(prices, column, None) for column in columns}
    return PackageModel(
        model=f"{provider}/{found.id}",
        title=found.name or found.id,
        context_tokens=found.context_window,
        input_per_million=_base(given["input_mtok"]),
        output_per_million=_base(given["output_mtok"]),
        cache_read_per_million=_base(given["cache_read_mtok"]),
        cache_write_per_million=_base(given["cache_write_mtok"]),
        price_rises=any(hasattr(price, "tiers") for price in given.values()),
    )


def _base(price: Any) -> Decimal | None:
    """The price of short requests."""
    if price is None:
        return None
    return Decimal(getattr(price, "base", price)).quantize(PLACES)
