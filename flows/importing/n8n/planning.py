"""Which nodes of n8n work on each item of a list, and so belong into a map."""

from flows.importing.draft import Box, Draft
from flows.importing.n8n.reading import short
from flows.importing.source import SourceNode, Ways
from flows.importing.steps import Step

#: Nodes that work on the list as a whole.
LIST_TYPES = frozenset(
    {
        *("aggregate", "sort", "limit", "removeDuplicates", "summarize", "itemLists"),
        *("merge", "splitInBatches", "splitOut"),
    }
)
#: Further ones that take the whole list where one arrives.
_WHOLE = frozenset(["convertToFile", "spreadsheetFile", "filter"])
_LEAVES = frozenset(["if", "switch", "filter", "respondToWebhook", "stopAndError"])
_SPLITTERS = ("splitOut", "itemLists")


def takes_all(node: SourceNode) -> bool:
    """Whether a node works on a list as a whole, not on each of its items."""
    kind = short(node.type)
    is_script = kind == "code" and node.config.get("mode") != "runOnceForEachItem"
    return is_script or kind in LIST_TYPES or kind in _WHOLE


def tell_of_items(step: Step) -> None:
    """Say of a node that gives a list what the nodes behind it read of it."""
    flow = step.draft.flow
    if not all(takes_all(flow.nodes[name]) for name in flow.after(step.source.id)):
        step.changed(
            "It gives a list, of which steps behind it read the first item: put those that are "
            "for each item into a map."
        )


def plan_maps(draft: Draft) -> None:
    """Put what is done for each item into maps, and take the ways back out of the flow."""
    for node in list(draft.flow.nodes.values()):
        kind = short(node.type)
        if node.disabled:
            continue
        if kind == "splitInBatches":
            _batches(draft, node.id)
        elif (
            kind in _SPLITTERS and node.config.get("operation", "splitOutItems") == "splitOutItems"
        ):
            _each(draft, node.id)


def _batches(draft: Draft, node: str) -> None:
    """The nodes between the loop's way on and back. Version 3 has 'done' first, older ones last."""
    flow = draft.flow
    version = flow.nodes[node].raw.get("typeVersion")
    each = "1" if isinstance(version, int | float) and version >= 3 else "0"
    ways = Ways(flow.nodes, flow.edges)
    back = ways.reach(node, back=True)
    inside: set[str] = set()
    for first in flow.after(node, each):
        if first != node:
            inside |= {first} | (ways.reach(first, without=node) & back)
            if first not in back:
                inside |= ways.reach(first, without=node)
    done = {target for target in flow.after(node, "0" if each == "1" else "1")}
    inside -= {node} | done
    if _box(draft, node, inside):
        flow.edges = [e for e in flow.edges if not (e.source in inside and e.target == node)]
        flow.facts.setdefault("batches", {})[node] = each


def _each(draft: Draft, node: str) -> None:
    """The unbranched row of nodes behind a list that was split, as far as it works on items."""
    flow = draft.flow
    inside: list[str] = []
    at = node
    while len(after := flow.after(at)) == 1:
        at = after[0]
        kind = short(flow.nodes[at].type)
        if takes_all(flow.nodes[at]) or kind in _LEAVES or at in inside or at == node:
            break
        if len(flow.before(at)) != 1:
            break
        inside.append(at)
    _box(draft, node, set(inside))


def _box(draft: Draft, head: str, inside: set[str]) -> bool:
    """Make a map of these nodes; not where they would be in two containers that overlap."""
    outer = draft.boxes.get(head)
    if not inside or any(draft.boxes.get(node) is not outer for node in inside):
        return False
    box = Box(draft.ids[head], "map", outer, head)
    for node in inside:
        draft.boxes[node] = box
    draft.flow.facts.setdefault("maps", {})[head] = (box, inside)
    return True
