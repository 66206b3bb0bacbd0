"""Circles of connections, which our flows do not have, as loops with what they repeat inside.

A connection back to an earlier node becomes a step `again` in a loop that goes on while it was
taken; a loop that can be left in several ways notes which one it was, and a switch behind it
takes it. These steps are nodes of the source flow with types of their own, `@again`, `@way`,
`@route` and `@loop`.
"""

from dataclasses import dataclass

from flows.importing.draft import Box, Draft
from flows.importing.source import SourceEdge, SourceFlow, SourceNode, Ways

AGAIN, WAY, ROUTE, LOOP = "@again", "@way", "@route", "@loop"
MAX_ROUNDS = 100
MAX_CIRCLES = 50
#: Connections back whose circles are compared for the largest; those that span most are.
_COMPARED = 8


@dataclass(frozen=True)
class Circle:
    """A connection back (`last` → `head`), and the nodes that are repeated."""

    head: str
    last: str
    inside: frozenset[str]


def open_circles(draft: Draft, rounds: dict[str, int]) -> None:
    """Put every circle of the draft's flow into a loop. `rounds`: most rounds by the last node."""
    flow = draft.flow
    for _ in range(MAX_CIRCLES):
        circle = _next(flow)
        if circle is None:
            return
        boxes = {id(draft.boxes.get(node)) for node in circle.inside}
        if len(boxes) != 1:
            _cut(draft, circle)
            continue
        _open(draft, circle, rounds.get(circle.last, MAX_ROUNDS))
    for last, head in Ways(flow.nodes, flow.edges).order()[1]:
        _cut(draft, Circle(head, last, frozenset()))


def _next(flow: SourceFlow) -> Circle | None:
    ways = Ways(flow.nodes, flow.edges)
    ordered, backwards = ways.order()
    if not backwards:
        return None
    at = {node: place for place, node in enumerate(ordered)}
    found = []
    for last, head in sorted(backwards, key=lambda way: at[way[1]] - at[way[0]])[:_COMPARED]:
        behind = ways.reach(last, back=True, without=head) | {last}
        inside = (behind & (ways.reach(head) | {head})) | {head}
        found.append(Circle(head, last, frozenset(inside)))
    # The largest one first: smaller ones are then inside of it.
    return max(found, key=lambda circle: len(circle.inside))


def _cut(draft: Draft, circle: Circle) -> None:
    """Leave out a connection that cannot become a loop, and say so."""
    flow = draft.flow
    ends = (circle.last, circle.head)
    flow.edges = [edge for edge in flow.edges if (edge.source, edge.target) != ends]
    names = [flow.nodes[end].name for end in ends]
    draft.messages.append(
        f"The connection back from '{names[0]}' to '{names[1]}' was left out: the circles there "
        "overlap. Put what is repeated into a loop."
    )


def _open(draft: Draft, circle: Circle, rounds: int) -> None:
    flow = draft.flow
    head = flow.nodes[circle.head]
    outer = draft.boxes.get(circle.head)
    loop = _step(draft, LOOP, f"Repeat {head.name}", head, outer)
    name = draft.ids[loop.id]
    box = Box(name, "loop", outer, loop.id)
    box.config = {
        "state": {"again": True},
        "while": "{{ state.again }}",
        "update": {},
        "max_iterations": max(1, min(rounds, 100_000)),
    }
    for node in circle.inside:
        draft.boxes[node] = box
    step = _step(draft, AGAIN, f"{name}_again", flow.nodes[circle.last], box)
    box.config["update"]["again"] = f"{{{{ {draft.ids[step.id]}.again | default(false) }}}}"
    edges: list[SourceEdge] = []
    leaving: list[SourceEdge] = []
    for edge in flow.edges:
        inside = edge.source in circle.inside, edge.target in circle.inside
        if (edge.source, edge.target) == (circle.last, circle.head):
            edges.append(SourceEdge(edge.source, edge.port, step.id))
        elif inside == (False, True):
            edges.append(SourceEdge(edge.source, edge.port, loop.id))
        elif inside == (True, False):
            leaving.append(edge)
        else:
            edges.append(edge)
    edges = list(dict.fromkeys(edges))
    flow.edges = edges + _ways_out(draft, loop, box, leaving)
    draft.messages.append(
        f"The connections that lead back to '{head.name}' became the loop '{name}', of at most "
        f"{box.config['max_iterations']} rounds."
    )


def _ways_out(
    draft: Draft, loop: SourceNode, box: Box, leaving: list[SourceEdge]
) -> list[SourceEdge]:
    """The edges that leave a loop, and the steps that remember which of them was taken."""
    exits = list(dict.fromkeys((edge.source, edge.port) for edge in leaving))
    if len(exits) <= 1:
        return [SourceEdge(loop.id, "out", edge.target) for edge in leaving]
    route = _step(draft, ROUTE, f"{loop.name} way", loop, box.parent)
    edges = [SourceEdge(loop.id, "out", route.id)]
    ways = []
    for number, (source, port) in enumerate(exits, 1):
        way = _step(draft, WAY, f"way_{number}", draft.flow.nodes[source], box)
        ways.append((f"way_{number}", draft.ids[way.id]))
        edges.append(SourceEdge(source, port, way.id))
        edges += [
            SourceEdge(route.id, f"way_{number}", edge.target)
            for edge in leaving
            if (edge.source, edge.port) == (source, port)
        ]
    chain = ways[0][1] + ".way" + "".join(f" | default({node}.way)" for _, node in ways[1:])
    box.config["state"]["way"] = None
    box.config["update"]["way"] = f"{{{{ {chain} | default(null) }}}}"
    draft.flow.facts[route.id] = [box.id, [name for name, _ in ways]]
    return edges


def _step(draft: Draft, kind: str, name: str, near: SourceNode, box: Box | None) -> SourceNode:
    key = f"{kind}:{len(draft.flow.nodes)}"
    node = SourceNode(key, name, kind, {}, near.x + 20, near.y + 60)
    draft.flow.nodes[key] = node
    draft.ids[key] = draft.new_id(name)
    draft.boxes[key] = box
    return node
