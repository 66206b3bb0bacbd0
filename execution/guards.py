"""What runs have to say before a flow is deleted."""

from execution.models import ENDED, Run
from flows.models import Flow


def open_runs_keep_a_flow(flow: Flow) -> str | None:
    """A flow with open runs stays: their record would go while they still work."""
    still_open = Run.objects.filter(flow=flow).exclude(status__in=ENDED).count()
    if not still_open:
        return None
    runs = "1 run has" if still_open == 1 else f"{still_open} runs have"
    return f"{runs} not ended yet. Cancel them or wait, then delete the flow."
