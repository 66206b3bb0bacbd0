"""Containers, step by step: scopes, items, rounds, failures, early exits, reuse."""

from typing import Any

from flows.engine.commands import Cancel, Compute, Ended, Reused, Start
from flows.engine.document import parse
from flows.engine.graph import Graph
from flows.engine.node_type import Result
from flows.engine.plan import FinishRun
from flows.engine.reuse import Reuse, Taken
from flows.engine.scope import Scope
from flows.engine.sight import body_context, context_of
from flows.engine.tests.driver import run_flow
from flows.engine.tests.support import FakeContext
from flows.engine.walk import Walk

JSON = Any
START = {"id": "start", "type": "input", "config": {"fields": [{"name": "rows", "type": "json"}]}}


def node(id: str, type: str = "transform", parent: str | None = None, **config: JSON) -> JSON:
    more = {"parent": parent} if parent else {}
    return {"id": id, "type": type, "config": config, **more}


def fields(id: str, parent: str | None = None, **values: JSON) -> JSON:
    return node(id, "transform", parent, fields=values)


def run(
    nodes: list[JSON], edges: list[str], rows: JSON = None
) -> tuple[FinishRun, dict[str, JSON]]:
    pairs = [dict(zip(("from", "to"), edge.split(">"), strict=True)) for edge in edges]
    document = parse({"name": "Test", "nodes": [START, *nodes], "edges": pairs})
    finish, state = run_flow(document, {"rows": rows}, FakeContext())
    return finish, state.outputs


def test_a_map_runs_its_steps_once_for_each_item_and_keeps_the_last_output() -> None:
    nodes = [
        node("rows", "map", items="{{ start.rows }}"),
        fields("double", "rows", n="{{ item * 2 }}"),
    ]
    _, outputs = run(nodes, ["start>rows"], [1, 2, 3])
    assert outputs["rows"] == {"items": [{"n": 2}, {"n": 4}, {"n": 6}], "count": 3, "errors": []}


def test_a_result_is_computed_from_what_ran_inside() -> None:
    nodes = [
        node("rows", "map", items="{{ start.rows }}", result="{{ index ~ ':' ~ (a.n + b.n) }}"),
        fields("a", "rows", n="{{ item }}"),
        fields("b", "rows", n="{{ a.n + 1 }}"),
    ]
    _, outputs = run(nodes, ["start>rows", "a>b"], [10, 20])
    assert outputs["rows"]["items"] == ["0:21", "1:41"]


def test_an_empty_list_is_done_at_once() -> None:
    nodes = [node("rows", "map", items="{{ start.rows }}"), fields("a", "rows", n=1)]
    _, outputs = run(nodes, ["start>rows"], [])
    assert outputs["rows"] == {"items": [], "count": 0, "errors": []}


def test_items_that_are_no_list_say_so() -> None:
    nodes = [node("rows", "map", items="{{ start.rows }}"), fields("a", "rows", n=1)]
    finish, _ = run(nodes, ["start>rows"], {"a": 1})
    assert finish.error is not None
    assert (finish.error["code"], finish.error["node"]) == ("config_invalid", "rows")


def test_maps_in_maps_read_their_own_item_and_the_outer_one_by_name() -> None:
    nodes = [
        node("outer", "map", items="{{ start.rows }}"),
        node("inner", "map", "outer", items="{{ item }}", result="{{ outer.index ~ '.' ~ item }}"),
    ]
    _, outputs = run(nodes, ["start>outer"], [["a", "b"], ["c"]])
    assert [row["items"] for row in outputs["outer"]["items"]] == [["0.a", "0.b"], ["1.c"]]


def test_a_failed_item_ends_the_map_is_left_out_or_stands_as_null() -> None:
    def tried(policy: str) -> tuple[FinishRun, dict[str, JSON]]:
        nodes = [
            node("rows", "map", items="{{ start.rows }}", on_item_error=policy),
            fields("half", "rows", n="{{ 12 / item }}"),
        ]
        return run(nodes, ["start>rows"], [1, 0, 3])

    finish, _ = tried("fail")
    assert finish.error is not None
    assert (finish.error["node"], finish.error["path"]) == ("half", ["rows", 1])
    _, skipped = tried("skip")
    assert skipped["rows"]["items"] == [{"n": 12.0}, {"n": 4.0}]
    _, collected = tried("collect")
    assert collected["rows"]["items"] == [{"n": 12.0}, None, {"n": 4.0}]
    assert [error["index"] for error in collected["rows"]["errors"]] == [1]
    assert collected["rows"]["errors"][0]["node"] == "half"


def test_a_loop_goes_round_while_its_condition_holds() -> None:
    nodes = [
        node(
            "grow",
            "loop",
            state={"n": "{{ start.rows }}"},
            update={"n": "{{ twice.n }}", "last": "{{ index }}"},
            **{"while": "{{ state.n < 20 }}"},
        ),
        fields("twice", "grow", n="{{ state.n * 2 }}"),
    ]
    _, outputs = run(nodes, ["start>grow"], 3)
    assert outputs["grow"] == {"state": {"n": 24, "last": 2}, "iterations": 3}


def test_a_loop_ends_at_its_cap() -> None:
    nodes = [
        node("grow", "loop", state={"n": 0}, update={"n": "{{ state.n + 1 }}"}, max_iterations=7),
        fields("a", "grow", n=1),
    ]
    _, outputs = run(nodes, ["start>grow"])
    assert outputs["grow"] == {"state": {"n": 7}, "iterations": 7}


def test_a_stop_inside_ends_the_item_the_container_or_the_run() -> None:
    def tried(leave: str, status: str = "succeeded") -> tuple[FinishRun, dict[str, JSON]]:
        nodes = [
            node("rows", "map", items="{{ start.rows }}", concurrency=1, result="{{ after.n }}"),
            node("big", "if", "rows", condition="{{ item > 1 }}"),
            node("out", "stop", "rows", leave=leave, status=status, message="big"),
            fields("after", "rows", n="{{ item }}"),
            node("end", "output", value="{{ rows.items }}"),
        ]
        edges = ["start>rows", "rows>end", "big.true>out", "big.false>after"]
        return run(nodes, edges, [1, 2, 1])

    assert tried("item")[0].outputs == {"end": [1, None, 1]}
    assert tried("container")[0].outputs == {"end": [1]}
    over = tried("run")[0]
    assert (over.status, over.outputs, over.message) == ("succeeded", {}, "big")
    failed = tried("item", "failed")[0]
    assert failed.error is not None
    assert (failed.error["code"], failed.error["path"]) == ("stopped", ["rows", 1])
    ended = tried("run", "failed")[0]
    assert ended.error is not None
    assert (ended.error["node"], ended.error["path"]) == ("out", ["rows", 1])


def walk_of(nodes: list[JSON], edges: list[str], reuse: Reuse | None = None) -> Walk:
    pairs = [dict(zip(("from", "to"), edge.split(">"), strict=True)) for edge in edges]
    document = parse({"name": "Test", "nodes": [START, *nodes], "edges": pairs})
    return Walk(Graph(document), {"run": {}, "vars": {}}, reuse=reuse)


def started(walk: Walk) -> list[tuple[tuple[str | int, ...], str]]:
    return [(c.scope.path, c.node) for c in walk.advance() if isinstance(c, Start)]


def done(walk: Walk, scope: Scope, name: str, **output: JSON) -> None:
    walk.succeed(scope, name, Result(output))


def test_no_more_items_are_open_than_the_concurrency_allows() -> None:
    walk = walk_of([node("rows", "map"), fields("a", "rows")], ["start>rows"])
    assert started(walk) == [((), "start")]
    done(walk, walk.base, "start")
    assert started(walk) == [((), "rows")]
    walk.open_map(walk.base, "rows", list("abcd"), concurrency=2, on_item_error="fail")
    first, second = (c for c in walk.advance() if isinstance(c, Start))
    assert (first.scope.path, second.scope.path) == (("rows", 0), ("rows", 1))
    done(walk, first.scope, "a", n=1)
    computed = [c for c in walk.advance() if isinstance(c, Compute)]
    assert [c.part for c in computed] == ["result"]
    walk.computed(computed[0], walk.compute(computed[0]))
    assert started(walk) == [(("rows", 2), "a")]


def test_when_an_item_fails_the_others_are_cancelled_and_their_news_ignored() -> None:
    walk = walk_of([node("rows", "map"), fields("a", "rows")], ["start>rows"])
    walk.advance()
    done(walk, walk.base, "start")
    walk.advance()
    walk.open_map(walk.base, "rows", [1, 2], concurrency=2, on_item_error="fail")
    first, second = (c for c in walk.advance() if isinstance(c, Start))
    walk.fail(first.scope, "a", {"code": "boom", "message": "Boom."})
    commands = walk.advance()
    assert [c.scope.path for c in commands if isinstance(c, Cancel)] == [("rows", 1)]
    ended = commands[-1]
    assert isinstance(ended, Ended)
    assert ended.error is not None
    assert (ended.error["node"], ended.error["path"]) == ("a", ["rows", 0])
    done(walk, second.scope, "a", n=2)
    assert walk.advance() == []


def test_what_is_inside_sees_the_item_ancestors_outside_and_nothing_else() -> None:
    text = "{{ item.x }} {{ before.y }} {{ run.id }} {{ after.z }} {{ vars.k }}"
    nodes = [fields("before"), node("rows", "map", result="{{ before.z }}"), fields("after")]
    nodes.append(node("a", "template", "rows", template=text))
    walk = walk_of(nodes, ["start>before", "before>rows", "rows>after"])
    walk.advance()
    done(walk, walk.base, "start")
    walk.advance()
    done(walk, walk.base, "before", y=1)
    walk.advance()
    around = body_context(walk.graph, walk.base, "rows", walk.given)
    assert around == {"before": {"y": 1}, "run": {}, "vars": {}}
    walk.open_map(walk.base, "rows", [{"x": 5}], concurrency=2, on_item_error="fail")
    inner = next(c.scope for c in walk.advance() if isinstance(c, Start))
    seen = context_of(walk.graph, inner, "a", walk.given)
    assert seen == {"item": {"x": 5}, "before": {"y": 1}, "run": {}, "vars": {}}


def reuse_of(results: dict[str, JSON], **more: JSON) -> Reuse:
    def taken(path: tuple[str | int, ...], name: str) -> Taken | None:
        key = "/".join(map(str, (*path, name)))
        return Taken(results[key]) if key in results else None

    return Reuse(taken, **more)


CHAIN = ["start>a", "a>rows", "rows>c"]


def chain(reuse: Reuse) -> Walk:
    nodes = [fields("a"), node("rows", "map"), fields("c")]
    nodes += [fields("x", "rows"), fields("y", "rows")]
    walk = walk_of(nodes, [*CHAIN, "x>y"], reuse)
    assert started(walk) == [((), "start")]
    done(walk, walk.base, "start")
    return walk


def opened(walk: Walk) -> list[tuple[tuple[str | int, ...], str]]:
    walk.open_map(walk.base, "rows", [1, 2], concurrency=9, on_item_error="fail")
    return started(walk)


ALL: dict[str, JSON] = {"a": {}, "rows": {"items": []}, "c": {}} | {
    f"rows/{i}/{name}": {} for i in (0, 1) for name in "xy"
}


def test_a_repeated_run_takes_over_all_that_came_before_the_node() -> None:
    walk = chain(reuse_of(ALL, start="c"))
    commands = walk.advance()
    assert [c.node for c in commands if isinstance(c, Reused)] == ["a", "rows"]
    assert [c.node for c in commands if isinstance(c, Start)] == ["c"]


def test_repeated_from_a_node_inside_only_what_follows_it_runs_again_in_each_item() -> None:
    walk = chain(reuse_of(ALL, start="y"))
    assert started(walk) == [((), "rows")]
    assert opened(walk) == [(("rows", 0), "y"), (("rows", 1), "y")]


def test_repeated_where_it_failed_only_what_has_no_result_runs() -> None:
    known = {key: ALL[key] for key in ("a", "rows/0/x", "rows/0/y", "rows/1/x")}
    walk = chain(reuse_of(known))
    assert started(walk) == [((), "rows")]
    assert opened(walk) == [(("rows", 1), "y")]


def test_nothing_inside_is_taken_over_when_what_came_before_runs_again() -> None:
    walk = chain(reuse_of(ALL, start="a"))
    assert started(walk) == [((), "a")]
    done(walk, walk.base, "a")
    assert started(walk) == [((), "rows")]
    assert opened(walk) == [(("rows", 0), "x"), (("rows", 1), "x")]


def test_only_the_failed_items_of_a_map_run_again_when_that_is_asked_for() -> None:
    known = {key: value for key, value in ALL.items() if not key.startswith("rows/1")}
    walk = chain(reuse_of(known, start="rows", only_failed=True))
    assert started(walk) == [((), "rows")]
    assert opened(walk) == [(("rows", 1), "x")]
    whole = chain(reuse_of(known, start="rows"))
    assert started(whole) == [((), "rows")]
    assert opened(whole) == [(("rows", 0), "x"), (("rows", 1), "x")]


def test_a_container_that_is_worked_off_by_itself_keeps_what_it_may_as_well() -> None:
    known = {key: value for key, value in ALL.items() if not key.startswith("rows/1")}
    graph = chain(reuse_of(known)).graph
    for fresh, expected in ((False, [1]), (True, [0, 1])):
        reuse = reuse_of(known, start="rows", only_failed=True)
        walk = Walk.inside(graph, "rows", (), {}, reuse=reuse, fresh=fresh)
        assert opened(walk) == [(("rows", number), "x") for number in expected]
