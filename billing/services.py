"""Every write of the billing app."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.catalogue import forget_catalogue
from billing.model_facts import Facts, facts_of
from billing.models import CatalogueModel, UsageRecord
from billing.package_models import PackageModel, package_models, source
from billing.prices import Price
from flows.engine.model_usage import ModelUsage


def record_usage(
    *,
    workspace_id: UUID,
    flow_id: UUID | None,
    run_id: UUID,
    node: str,
    path: Sequence[str | int],
    attempt: int,
    model: str,
    usage: ModelUsage,
    price: Price,
    api_key_id: UUID | None = None,
    estimated: bool = False,
) -> None:
    """Book one model call of one attempt. The same attempt booked again changes nothing.

    Call it in the transaction that records the attempt: then both happened or neither did.
    """
    record = UsageRecord(
        workspace_id=workspace_id,
        flow_id=flow_id,
        run_id=run_id,
        api_key_id=api_key_id,
        node=node,
        path=list(path),
        attempt=attempt,
        model=model,
        cost=price.cost,
        price_source=price.source,
        estimated=estimated,
        **usage.as_dict(),
    )
    UsageRecord.objects.bulk_create([record], ignore_conflicts=True)


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: models that are new, that changed, and that stayed as they were.

    `unknown` are those of the package that are left out, as nobody knows what they can do.
    """

    added: int
    changed: int
    kept: int
    unknown: int


def refresh_catalogue() -> Refreshed:
    """Bring the catalogue up to what the installed price package and our own table say.

    What operators have set stays; models that the package no longer has stay too.
    """
    now, unknown = timezone.now(), 0
    new: list[CatalogueModel] = []
    seen: list[int] = []
    changed = 0
    with transaction.atomic():
        # Held, so that what an operator saves meanwhile comes before or after it.
        rows = CatalogueModel.objects.select_for_update().order_by("model")
        known = {row.model: row for row in rows}
        for found in package_models():
            facts = facts_of(found.model)
            if facts is None:
                unknown += 1
            elif (row := known.get(found.model)) is None:
                said = _said(found, facts)
                new.append(CatalogueModel(model=found.model, refreshed_at=now, **said))
            else:
                seen.append(row.pk)
                changed += _is_changed(row, _said(found, facts))
        # Another process that refreshes at the same moment says the same.
        CatalogueModel.objects.bulk_create(new, ignore_conflicts=True)
        CatalogueModel.objects.filter(pk__in=seen).update(refreshed_at=now)
    forget_catalogue()
    return Refreshed(len(new), changed, len(seen) - changed, unknown)


def _said(found: PackageModel, facts: Facts) -> dict[str, Any]:
    """What package and table say of a model, by the catalogue's fields."""
    return {
        "title": found.title,
        "context_tokens": found.context_tokens,
        "max_output_tokens": facts.max_output,
        "capabilities": sorted(facts.can),
        "enabled": not facts.fading,
        "input_per_million": found.input_per_million,
        "output_per_million": found.output_per_million,
        "cache_read_per_million": found.cache_read_per_million,
        "cache_write_per_million": found.cache_write_per_million,
        "price_rises": found.price_rises,
        "source": source(),
    }


def _is_changed(row: CatalogueModel, said: dict[str, Any]) -> bool:
    """Write what is said where it differs, but for what an operator has set."""
    news = {
        name: value
        for name, value in said.items()
        if name not in row.own and getattr(row, name) != value
    }
    if news:
        CatalogueModel.objects.filter(pk=row.pk).update(**news)
    return bool(news)


def reset_models(models: Sequence[str]) -> None:
    """Forget what operators have set for these models; the next refresh writes what is known."""
    CatalogueModel.objects.filter(model__in=models).update(own=[])
    refresh_catalogue()
