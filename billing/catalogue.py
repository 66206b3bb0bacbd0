"""The catalogue of models: what can be offered, what each can do and costs."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.model_facts import CAPABILITIES, OTHER_KINDS, assumed, facts_of
from billing.models import CatalogueModel
from billing.prices import FREE_PROVIDERS, REMEMBERED, own_prices

JSON = Any


@dataclass(frozen=True)
class Capabilities:
    """What a model can do. `is_known`: the catalogue or the table of families says so."""

    can: frozenset[str]
    is_known: bool
    context_tokens: int | None = None
    max_output_tokens: int | None = None

    def has(self, capability: str) -> bool:
        return capability in self.can

    def takes_temperature(self, effort: str | None) -> bool:
        """Those that think when asked to take a temperature only as long as they are not."""
        return self.has("temperature") and not (effort and self.is_known and self.has("effort"))


@dataclass(frozen=True)
class Prices:
    """US dollars per million tokens. None: no price by token, or cache tokens count as input."""

    input: Decimal | None
    output: Decimal | None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    rises: bool = False


@dataclass(frozen=True)
class Offer:
    """A model of the catalogue as people see it; `source` is of its prices."""

    model: str
    title: str
    capabilities: Capabilities
    prices: Prices | None
    source: str

    @property
    def answers(self) -> bool:
        """Whether it answers with text: no model for pictures, speech or vectors."""
        return not self.capabilities.can & OTHER_KINDS


_rows: Mapping[str, CatalogueModel] = {}
_read_at = -REMEMBERED


def capabilities(model: str) -> Capabilities:
    """What `provider/name` can do. One that nobody knows may be tried with everything."""
    row = _catalogue().get(model)
    if row is not None:
        can = frozenset(row.capabilities)
        return Capabilities(can, True, row.context_tokens, row.max_output_tokens)
    facts = facts_of(model)
    if facts is not None:
        return Capabilities(facts.can, True, None, facts.max_output)
    return Capabilities(assumed(model), False)


def offers(providers: Collection[str]) -> list[Offer]:
    """The models of these providers that are offered, by provider and title."""
    rows = [row for row in _catalogue().values() if row.enabled and row.provider in providers]
    rows.sort(key=lambda row: (row.provider, row.title.lower(), row.model))
    return [_offer(row) for row in rows]


def forget_catalogue() -> None:
    """Read it again when it is asked next; called where it is changed."""
    global _read_at
    _read_at = -REMEMBERED


def offer_payload(offer: Offer) -> dict[str, JSON]:
    """An offer as the API shows it."""
    prices = offer.prices
    return {
        "model": offer.model,
        "title": offer.title,
        "context_tokens": offer.capabilities.context_tokens,
        "max_output_tokens": offer.capabilities.max_output_tokens,
        "capabilities": [name for name in CAPABILITIES if offer.capabilities.has(name)],
        "prices": prices
        and {
            "input": _amount(prices.input),
            "output": _amount(prices.output),
            "cache_read": _amount(prices.cache_read),
            "cache_write": _amount(prices.cache_write),
            "rises": prices.rises,
            "currency": "USD",
        },
        "source": offer.source,
    }


def _amount(price: Decimal | None) -> str | None:
    return None if price is None else f"{price.normalize():f}"


def words(offer: Offer) -> str:
    """An offer in a line: `Claude Haiku 5.5 · $0.1 in, $0.5 out · 1M context · reads pictures`."""
    parts = [offer.title]
    if offer.prices is not None:
        amounts = {"in": _amount(offer.prices.input), "out": _amount(offer.prices.output)}
        said = ", ".join(f"${amount} {name}" for name, amount in amounts.items() if amount)
        parts.append(f"{'from ' if offer.prices.rises else ''}{said}" if said else "")
    if tokens := offer.capabilities.context_tokens:
        parts.append(f"{_short(tokens)} context")
    reads = {"vision": "pictures", "documents": "documents"}
    found = [name for word, name in reads.items() if offer.capabilities.has(word)]
    parts.append(f"reads {' and '.join(found)}" if found else "")
    parts += [word for word in ("effort", "temperature") if offer.capabilities.has(word)]
    return " · ".join(part for part in parts if part)


def _short(tokens: int) -> str:
    """1,050,000 is 1.05M, 200,000 is 200k."""
    return f"{tokens / 1_000_000:g}M" if tokens >= 1_000_000 else f"{tokens / 1_000:.3g}k"


def _catalogue() -> Mapping[str, CatalogueModel]:
    global _rows, _read_at
    now = time.monotonic()
    if now - _read_at >= REMEMBERED:
        _rows = {row.model: row for row in CatalogueModel.objects.all()}
        _read_at = now
    return _rows


def _offer(row: CatalogueModel) -> Offer:
    can = Capabilities(frozenset(row.capabilities), True, row.context_tokens, row.max_output_tokens)
    prices, source = _prices(row)
    return Offer(row.model, row.title, can, prices, source)


def _prices(row: CatalogueModel) -> tuple[Prices | None, str]:
    """What calls are booked at: the operator's own price first, then that of the package."""
    own = own_prices().get(row.model)
    if own is not None:
        mine = (own.input_per_million, own.output_per_million)
        return Prices(*mine, own.cache_read_per_million, own.cache_write_per_million), "override"
    if row.provider in FREE_PROVIDERS:
        return Prices(Decimal(0), Decimal(0)), "free"
    if row.input_per_million is None and row.output_per_million is None:
        return None, "unknown"
    prices = Prices(
        row.input_per_million,
        row.output_per_million,
        row.cache_read_per_million,
        row.cache_write_per_million,
        row.price_rises,
    )
    return prices, row.source
