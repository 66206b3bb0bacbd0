"""Every write of the billing app."""

from collections.abc import Sequence
from uuid import UUID

from billing.models import UsageRecord
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
