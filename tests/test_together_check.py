"""What the benchmark of two browsers counts as a lost edit."""

from typing import Any

import pytest

from benchmarks.together_check import canonical, lost_edits, replayed

JSON = Any


def text(node: str, value: str) -> JSON:
    return {"op": "set", "node": node, "path": ["label"], "value": value}


def page(*ops: JSON, **more: JSON) -> JSON:
    made = [{"label": "Change", "ops": [op]} for op in ops]
    return {"tab": "mine", "made": made, "notices": [], "renamed": [], **more}


def logged(*ops: JSON, tab: str = "mine") -> list[JSON]:
    return [{"tab": tab, "ops": [op]} for op in ops]


ADD: JSON = {"op": "add_node", "node": {"id": "a", "type": "template"}, "place": None}
AS_ITS_TYPE = {"id": "template", "type": "template"}


@pytest.mark.parametrize(
    ("seen", "log"),
    [
        (page(text("a", "1")), logged(text("a", "1"))),
        (page(text("a", "1"), text("a", "2")), logged(text("a", "2"))),
        (page(ADD, notices=[{"op": ADD}]), []),
        (
            page(ADD, renamed=[["a", "a_2", 1]]),
            logged({**ADD, "node": {**ADD["node"], "id": "a_2"}}),
        ),
        (
            page({**ADD, "node": AS_ITS_TYPE}, renamed=[["template", "template_2", 1]]),
            logged({**ADD, "node": {**AS_ITS_TYPE, "id": "template_2"}}),
        ),
    ],
    ids=["in the log", "typed on", "told", "under another name", "named as its type"],
)
def test_an_edit_that_somebody_knows_of_is_not_lost(seen: JSON, log: list[JSON]) -> None:
    assert lost_edits(seen, log) == []


@pytest.mark.parametrize(
    ("seen", "log"),
    [
        (page(text("a", "1")), []),
        (page(text("a", "1")), logged(text("a", "1"), tab="theirs")),
        (page(text("a", "1"), text("b", "2")), logged(text("b", "2"))),
        (page(ADD, text("a", "1")), logged(text("a", "1"))),
    ],
    ids=["nowhere", "of another tab", "another node", "of another kind"],
)
def test_an_edit_that_nobody_knows_of_is_lost(seen: JSON, log: list[JSON]) -> None:
    (lost,) = lost_edits(seen, log)
    assert lost.startswith("Change: ")


def test_a_log_makes_the_draft_of_the_first_document() -> None:
    start = {"name": "Flow", "nodes": [{"id": "a", "type": "template"}]}
    made, failed = replayed(start, logged(text("a", "A"), text("gone", "B")))
    assert failed == 1
    wanted = {"label": "A", "type": "template", "id": "a"}
    assert canonical(made["nodes"]) == canonical([wanted])
