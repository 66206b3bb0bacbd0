"""Parts of random flows hold what leads to the node, and give what the whole flow gives."""

import random
from typing import Any

from flows.engine.document import Document, parse
from flows.engine.graph import Graph
from flows.engine.part_of import part_of
from flows.engine.tests.random_flows import random_flow
from flows.engine.tests.test_reuse_property import Nature, Play


def needed(document: Document, wanted: str, given: set[str]) -> set[str]:
    """What has to be there for a node, found by following every edge and wall backwards."""
    nodes = {node.id: node for node in document.nodes if node.type != "note"}
    found: set[str] = set()

    def with_inside(name: str) -> None:
        found.add(name)
        for child in nodes.values():
            if child.parent == name:
                with_inside(child.id)

    def before(name: str) -> None:
        if name in given:
            return
        for edge in document.edges:
            if edge.target == name and edge.source in nodes:
                with_inside(edge.source)
                before(edge.source)

    with_inside(wanted)
    at: str | None = wanted
    while at is not None:
        found.add(at)
        before(at)
        at = nodes[at].parent
    return found


def test_until_a_node_is_that_node_with_all_that_leads_to_it() -> None:
    sizes = []
    for seed in range(1_500):
        chance = random.Random(seed)
        document = random_flow(chance)
        names = list(Graph(document).nodes)
        if not names:
            continue
        wanted = chance.choice(names)
        given = {name for name in names if name != wanted and chance.random() < 0.1}
        cut = part_of(document, until=wanted, given=given)
        assert {node.id for node in cut.nodes} == needed(document, wanted, given)
        kept = {node.id for node in cut.nodes}
        edges = {edge for edge in document.edges if edge.target not in given}
        assert set(cut.edges) == {e for e in edges if {e.source, e.target} <= kept}
        sizes.append(len(kept) / len(names))
    assert 0.2 < sum(sizes) / len(sizes) < 0.9


def flow_around(**container: Any) -> Document:
    """Two steps in a container, the second behind the first."""
    step = {"type": "template", "parent": "box", "config": {"template": "x"}}
    nodes = [{"id": "box", **container}, {**step, "id": "early"}, {**step, "id": "late"}]
    edges = [{"from": "early", "to": "late"}]
    return parse({"schema": "fluxprompt.flow/v1", "name": "T", "nodes": nodes, "edges": edges})


def test_a_map_that_is_cut_gives_what_its_last_step_gives_where_its_result_reads_what_is_gone() -> (
    None
):
    for result, is_kept in (("{{ late.text }}", False), ("{{ early.text }}{{ index }}", True)):
        whole = flow_around(type="map", config={"items": [1], "result": result})
        cut = Graph(part_of(whole, until="early"))
        expected = {"items": [1], "result": result} if is_kept else {"items": [1]}
        assert cut.nodes["box"].config == expected
        assert Graph(part_of(whole, until="late")).nodes["box"].config["result"] == result


def test_a_loop_that_is_cut_makes_one_round_where_it_cannot_go_on() -> None:
    goes_on = {"update": {"n": "{{ early.text }}"}, "while": "{{ state.n }}"}
    for change in ({}, {"update": {"n": "{{ late.text }}"}}, {"while": "{{ late.text }}"}):
        config = {"state": {"n": 1}, **goes_on, **change}
        whole = flow_around(type="loop", config=config)
        cut = Graph(part_of(whole, until="early")).nodes["box"].config
        rest = {name: value for name, value in config.items() if name not in change}
        assert cut == ({**rest, "max_iterations": 1} if change else config)


def reading(*, in_a_map: bool) -> Document:
    """`start`, then `pinned`, then `last` (or `inner` in it), which reads `start` as well."""
    text = {"template": "{{ start.text }} {{ pinned.text }}"}
    last: dict[str, Any] = {"id": "last", "type": "template", "config": text}
    nodes: list[dict[str, Any]] = [
        {"id": "start", "type": "input"},
        {"id": "pinned", "type": "template", "config": {"template": "{{ start.text }}"}},
        last,
    ]
    if in_a_map:
        nodes[2] = {"id": "last", "type": "map", "config": {"items": [1]}}
        nodes.append({**last, "id": "inner", "parent": "last"})
    edges = [{"from": "start", "to": "pinned"}, {"from": "pinned", "to": "last"}]
    return parse({"schema": "fluxprompt.flow/v1", "name": "T", "nodes": nodes, "edges": edges})


def test_what_is_read_from_before_a_node_that_is_given_is_run_before_it_is_read() -> None:
    for in_a_map in (False, True):
        document = reading(in_a_map=in_a_map)
        cut = Graph(part_of(document, until="inner" if in_a_map else "last", given={"pinned"}))
        assert set(cut.nodes) == set(Graph(document).nodes)
        assert cut.can_read("start", "last")
        assert cut.incoming["pinned"] == []
        both = part_of(document, until="last", given={"pinned", "start"})
        assert {edge.source for edge in both.edges} == {"pinned", "start"}
        assert {node.id for node in part_of(document, until="pinned", given={"pinned"}).nodes} == {
            "pinned"
        }


def test_only_a_node_stands_alone_with_what_is_in_it_and_what_is_given() -> None:
    for seed in range(1_000):
        chance = random.Random(seed)
        document = random_flow(chance)
        graph = Graph(document)
        if not graph.nodes:
            continue
        wanted = chance.choice(list(graph.nodes))
        inside = {wanted, *graph.inside(wanted)}
        given = {name for name in graph.nodes if name not in inside and chance.random() < 0.2}
        cut = Graph(part_of(document, only=wanted, given=given))
        assert set(cut.nodes) == inside | given
        assert all(cut.holder[name] is None for name in {wanted, *given})
        assert {e.source for e in cut.incoming[wanted]} == given
        assert all(not cut.incoming[name] for name in given)


def test_a_part_gives_what_the_whole_flow_gives() -> None:
    compared = 0
    for seed in range(600):
        chance = random.Random(seed)
        document = random_flow(chance)
        tops = Graph(document).children[None]
        if not tops:
            continue
        wanted = chance.choice(tops)
        whole = Play(document, Nature(), seed)
        part = Play(part_of(document, until=wanted), Nature(), seed + 1)
        for place, status in part.statuses.items():
            assert whole.statuses[place] == status
            assert whole.results.get(place) == part.results.get(place)
        compared += len(part.statuses)
    assert compared > 1_000
