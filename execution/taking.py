"""Whether a run is taken at all: maintenance, switches, credit and the numbers of a plan.

Asked once for each run that people and programs start. What a run starts by itself (sub-flows) is
part of it and goes on.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from accounts.features import Feature, is_on, switched_off_nodes
from accounts.maintenance import UnderMaintenance, check_maintenance
from accounts.permissions import Actor
from accounts.plans import PlanLimitReached, limits_of, month_began
from billing.credit_rules import next_month
from billing.credits import CreditExhausted, check_credit
from billing.key_budgets import KeyBudgetExhausted, check_key_budget
from execution.errors import NotPublished, OptionsInvalid
from execution.models import Run
from execution.parts_of_flows import carried_out
from execution.pinned import Pinned
from flows.engine.document import parse
from flows.engine.errors import DocumentInvalid

JSON = Any


class FeatureOff(Exception):
    """Something that a run needs is switched off by the operators."""

    code = "feature_off"

    def __init__(self, feature: Feature, node: str = "") -> None:
        self.message = f"'{node}': {feature.off}" if node else feature.off
        super().__init__(self.message)


#: Why a run is not taken, each with `code` and a sentence: what pages show beside their forms.
NOT_TAKEN = (
    UnderMaintenance,
    CreditExhausted,
    PlanLimitReached,
    KeyBudgetExhausted,
    FeatureOff,
)
#: With what is wrong with the flow, or with what of it was asked for.
REFUSED = (NotPublished, DocumentInvalid, OptionsInvalid, *NOT_TAKEN)


def check_taken(actor: Actor) -> None:
    """Raises one of NOT_TAKEN where nothing more is started. Most often it asks nothing."""
    check_maintenance()
    check_key_budget(actor)
    check_credit(actor.workspace_id)
    _check_runs(actor.workspace_id)


def _check_runs(workspace_id: UUID) -> None:
    """Runs that start at the same moment do not see each other: so many may be over the limit."""
    limits = limits_of(workspace_id)
    if limits.max_runs is None:
        return
    since = month_began()
    here = Run.objects.filter(workspace_id=workspace_id, created_at__gte=since, parent=None)
    # No more are counted than matters.
    if len(here.values_list("id")[: limits.max_runs]) >= limits.max_runs:
        raise PlanLimitReached(
            "runs",
            f"The plan '{limits.plan}' of this workspace allows {limits.max_runs:,} runs a month, "
            f"and they were started. Ask for a larger plan, or wait until "
            f"{next_month(since):%Y-%m-%d} (UTC).",
        )


def check_features(workspace_id: UUID, pinned: Pinned, options: Mapping[str, JSON]) -> None:
    """Raises FeatureOff for a node that would run and whose type is switched off."""
    off = switched_off_nodes(workspace_id)
    if not off or not pinned.types & off.keys():
        return
    document = parse(dict(pinned.whole_document()))
    for node in carried_out(document, dict(options)).nodes if options else document.nodes:
        if node.type in off and not node.disabled:
            raise FeatureOff(off[node.type], node.id)


def runs_inline(workspace_id: UUID, pinned: Pinned) -> bool:
    """Whether a run is carried out in this process; where that is switched off it is durable."""
    return pinned.inline and is_on("inline_runs", workspace_id)
