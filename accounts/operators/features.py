"""Feature switches: what exists is fixed here, who has it is what operators say.

Asked by `is_on(name, workspace_id)`; every process knows of a change within five seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from accounts.operators.models import FeatureState, FeatureSwitch
from accounts.operators.remembered import Remembered


@dataclass(frozen=True)
class Feature:
    """Something that can be switched off. `off` is what people read where it is."""

    name: str
    title: str
    says: str
    off: str
    default: bool = True
    #: Node types that it is about.
    nodes: tuple[str, ...] = ()


_ASK = "Ask whoever operates this installation."
FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (
        Feature(
            "sign_up",
            "Sign-up",
            "Strangers make accounts, as far as the sign-up mode lets them.",
            f"Sign-up is switched off. {_ASK}",
        ),
        Feature(
            "describe",
            "Describe a flow",
            "Builders describe a flow in words and a model drafts it.",
            f"Drafting flows from a description is switched off. {_ASK}",
        ),
        Feature(
            "code",
            "Code nodes",
            "Flows run Python of their builders in the sandbox.",
            f"Code nodes are switched off. {_ASK}",
            nodes=("code",),
        ),
        Feature(
            "email",
            "Mail from flows",
            "Flows send e-mail, by their own servers or the installation's.",
            f"E-mail nodes are switched off. {_ASK}",
            nodes=("email",),
        ),
        Feature(
            "mcp",
            "MCP servers",
            "Flows and agents call tools of MCP servers.",
            f"Calls of MCP servers are switched off. {_ASK}",
            nodes=("mcp",),
        ),
        Feature(
            "inline_runs",
            "Inline runs",
            "Flows that ask for it run in the web process, without Temporal; else they run "
            "durably like all others.",
            f"Inline runs are switched off. {_ASK}",
        ),
    )
}


@dataclass(frozen=True)
class Switch:
    """How a feature is switched."""

    state: str
    workspaces: frozenset[UUID]

    def is_on(self, workspace_id: UUID | None) -> bool:
        if self.state == FeatureState.CHOSEN:
            return workspace_id in self.workspaces
        return self.state == FeatureState.ON


def _read() -> dict[str, Switch]:
    rows = FeatureSwitch.objects.filter(name__in=FEATURES)
    states = dict(rows.values_list("name", "state"))
    if not states:
        return {}
    chosen: dict[str, set[UUID]] = {name: set() for name in states}
    through = FeatureSwitch.workspaces.through.objects.filter(featureswitch_id__in=states)
    for name, workspace in through.values_list("featureswitch_id", "workspace_id"):
        chosen[name].add(workspace)
    return {name: Switch(state, frozenset(chosen[name])) for name, state in states.items()}


_switches: Remembered[dict[str, Switch]] = Remembered(_read, {})


def forget_switches() -> None:
    """Read them anew; called where they are changed."""
    _switches.forget()


def are_known() -> bool:
    """Whether the other functions would ask nobody; an event loop asks on a thread where not."""
    return _switches.is_fresh


def is_on(name: str, workspace_id: UUID | None) -> bool:
    """Whether a workspace has a feature; None asks for what belongs to no workspace.

    Asks the database now and then, so not from an event loop. KeyError for a name that is not in
    the registry.
    """
    feature = FEATURES[name]
    switch = _switches.get().get(name)
    return feature.default if switch is None else switch.is_on(workspace_id)


def switched_off_nodes(workspace_id: UUID) -> Mapping[str, Feature]:
    """Node types that a workspace may not use → the feature that is off; most often empty."""
    if not _switches.get():
        return {}
    return {
        node: feature
        for feature in FEATURES.values()
        if feature.nodes and not is_on(feature.name, workspace_id)
        for node in feature.nodes
    }
