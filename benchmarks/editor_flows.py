"""Flows of any size for measuring the editor: cards as they commonly are, in rows."""

from typing import Any

_KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("llm", {"model": "openai_compatible/echo", "prompt": "Answer {{ start.topic }}"}),
    ("if", {"condition": "{{ start.topic != '' }}"}),
    ("transform", {"fields": {"topic": "{{ start.topic }}"}}),
    ("template", {"template": "Dear {{ start.topic }}"}),
)


def flow_of(count: int) -> dict[str, Any]:
    """A document of so many nodes and about 1.3 wires each, from `start` to `end`.

    A node's number `n` makes its type: n % 4 of model, condition, transform, template.
    """
    columns = max(5, int((count * 1.6) ** 0.5))
    nodes = [_node(number, count) for number in range(count)]
    names = [node["id"] for node in nodes]
    edges = []
    for number in range(1, count):
        for source, port in _before(number, columns):
            forks = source % 4 == 1 and source not in (0, count - 1)
            end = f"{names[source]}.{port}" if forks else names[source]
            edges.append({"from": end, "to": names[number]})
    places = {
        name: {"x": number % columns * 330, "y": number // columns * 200}
        for number, name in enumerate(names)
    }
    return {
        "schema": "fluxprompt.flow/v1",
        "name": f"{count} nodes",
        "nodes": nodes,
        "edges": edges,
        "layout": places,
    }


def streaming_nodes(count: int, most: int) -> list[str]:
    """Ids of the first nodes of such a flow that stream text."""
    return [f"n{number}" for number in range(4, count - 1, 4)][:most]


def _node(number: int, count: int) -> dict[str, Any]:
    if number == 0:
        fields = [{"name": "topic", "type": "text"}]
        return {"id": "start", "type": "input", "config": {"fields": fields}}
    if number == count - 1:
        return {"id": "end", "type": "output", "config": {"value": "{{ start.topic }}"}}
    type_, config = _KINDS[number % 4]
    return {"id": f"n{number}", "label": f"Step {number}", "type": type_, "config": config}


def _before(number: int, columns: int) -> list[tuple[int, str]]:
    """What leads to a node: its neighbour in the row, and for some the one above."""
    above = (number - columns, "false")
    if number % columns == 0:
        return [above]
    return [(number - 1, "true"), *([above] if number >= columns and number % 3 == 0 else [])]
