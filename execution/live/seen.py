"""Whether what is open for long may still be seen: the flow may have become private meanwhile."""

from uuid import UUID

from accounts.permissions import Actor
from execution.models import Run
from flows.models import Flow
from flows.sharing import as_now


def flow_still_seen(actor: Actor, flow_id: UUID) -> bool:
    """Asked anew of everything that decides; False where it is deleted."""
    return Flow.objects.visible_to(as_now(actor)).filter(pk=flow_id).exists()


def run_still_seen(actor: Actor, run_id: UUID) -> bool:
    """As `flow_still_seen`, of a run."""
    return Run.objects.visible_to(as_now(actor)).filter(pk=run_id).exists()
