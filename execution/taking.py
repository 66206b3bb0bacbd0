"""Whether a run is taken at all: maintenance, switches, credit and the numbers of a plan.

Asked once for each run that people and programs start. What a run starts by itself (sub-flows) is
part of it and goes on.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from accounts.operators.features import Feature, is_on, switched_off_nodes
from accounts.operators.maintenance import UnderMaintenance, check_maintenance
from accounts.operators.plans import PlanLimitReached
from accounts.permissions import Actor
from billing.credits import CreditExhausted, check_credit
from billing.key_budgets import KeyBudgetExhausted, check_key_budget
from execution.errors import NotPublished, OptionsInvalid
from execution.parts_of_flows import carried_out
from execution.pinned import Pinned
from execution.run_limits import check_runs
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
    check_runs(actor.workspace_id)


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
