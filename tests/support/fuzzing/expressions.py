"""Tries of expressions and templates: by the grammar, spoiled, or of the hostile corpus."""

import gc
import json
import math
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from flows.engine.errors import NodeError
from flows.engine.expressions import (
    ExpressionError,
    compile_check,
    evaluate,
    mentions_in,
    render,
    resolve,
    roots_in,
)
from flows.engine.json_values import storable_problem
from flows.engine.references import load_all
from flows.engine.tests.hostile import EXPRESSIONS, TEMPLATES, hostile_data
from tests.support.fuzzing.chance import Broken, Chance
from tests.support.fuzzing.grammar import DATA, LARGE, LOADED, Grammar

JSON = Any
#: Twice what is promised of time: others at the same core slow it down. The promise itself is
#: measured in flows/engine/tests/test_hostile_expressions.py.
SECONDS, BYTES = 0.4, 64_000_000
_PLAIN = (str, int, float, bool, type(None))
_PIECES = (
    *("ticket", ".price", "[0]", "[-1]", "['x']", "|", " + ", " * ", " ** ", "(", ")", "{", "}"),
    *("1", "9" * 30, "1e308", " and ", " not ", " if ", " else ", "length", "join", "default"),
    *("tojson", "~", ":", ",", "%", "//", " in ", " is ", "none", "range", "vars", "\\", '"', "\0"),
    *("'a'", "map", "{{", "}}", "{%", "%}", "rows", "numbers | ", "\u2028", "١", "_", "."),
)


class Seen(Mapping[str, JSON]):
    """A context that remembers which names were read."""

    def __init__(self, data: Mapping[str, JSON]) -> None:
        self.data = data
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> JSON:
        self.read.add(name)
        return self.data[name]

    def __contains__(self, name: object) -> bool:
        return name in self.data

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


@cache
def data_of(kind: str) -> dict[str, JSON]:
    """Built once: evaluation never changes its data, which `unchanged` looks after."""
    return hostile_data() if kind == "hostile" else {**DATA, "large": LARGE}


@cache
def _first(kind: str) -> str:
    return json.dumps(data_of(kind))


def unchanged() -> bool:
    """Whether the data are what they were at the first try."""
    return all(json.dumps(data_of(kind)) == _first(kind) for kind in ("plain", "hostile"))


def made(chance: Chance) -> tuple[str, str, str]:
    """(mode, text, which data): mostly what has a value, some of it spoiled."""
    pick = chance.random()
    if pick < 0.01:
        text = chance.choice((*EXPRESSIONS, *TEMPLATES))
        mode = "template" if text in TEMPLATES else "expression"
        cut = chance.cut(text, chance.choice(_PIECES)) if chance.hits(0.8) else text
        return mode, cut, "hostile"
    if pick < 0.12:
        text = "".join(chance.choices(_PIECES, k=chance.randrange(1, 14)))
        return "expression", f"{{{{ {text} }}}}", "plain"
    grammar = Grammar(chance)
    mode = "template" if chance.hits(0.12) else "expression"
    text = grammar.template() if mode == "template" else grammar.text()
    if pick < 0.3:
        for _ in range(chance.randint(1, 2)):
            text = chance.cut(text, chance.choice(_PIECES))
    return mode, text, "plain"


def tried(mode: str, text: str, kind: str, *, thorough: bool = True, weighed: bool = False) -> str:
    """`value` or `refused`. Raises Broken; any other exception is a crash as well.

    Thoroughly, it is read without evaluating it and evaluated again, at twice the cost.
    """
    _first(kind)
    seen = Seen(data_of(kind))
    value = _in_time(lambda: _outcome(mode, text, seen))
    if weighed:
        _check_weight(mode, text, kind)
    if thorough:
        _check_static(mode, text, seen, refused=isinstance(value, NodeError))
    if isinstance(value, NodeError):
        if not value.message.strip() or storable_problem(value.as_dict()) is not None:
            raise Broken(f"a refusal without words: {value.as_dict()!r}")
        return "refused"
    _check_plain(value)
    # Documents hold no text that cannot be stored, so neither does a value that repeats it.
    loaded = load_all(value, lambda reference: LOADED)
    if storable_problem(text) is None and storable_problem(loaded) is not None:
        raise Broken("what cannot be stored")
    if thorough:
        again = _outcome(mode, text, data_of(kind))
        if repr(again) != repr(value):
            raise Broken(f"another value at the second time: {again!r:.100}, not {value!r:.100}")
    return "value"


def _outcome(mode: str, text: str, data: Mapping[str, JSON]) -> JSON:
    try:
        if mode == "template":
            return render(text, data, load=lambda reference: LOADED)
        return evaluate(text, data, load=lambda reference: LOADED)
    except NodeError as error:
        return error


def _in_time(work: Callable[[], JSON]) -> JSON:
    began = time.process_time()
    value = work()
    if time.process_time() - began <= SECONDS:
        return value
    taken = []
    gc.disable()
    try:
        # A sweep of the process's objects, or another's turn, is no time of this evaluation.
        for _ in range(3):
            began = time.process_time()
            work()
            taken.append(time.process_time() - began)
    finally:
        gc.enable()
    if min(taken) > SECONDS:
        raise Broken(f"took {min(taken):.2f} s of the processor")
    return value


def _check_weight(mode: str, text: str, kind: str) -> None:
    tracemalloc.start()
    try:
        _outcome(mode, text, data_of(kind))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > BYTES:
        raise Broken(f"took {peak / 1e6:.0f} MB")


def _check_static(mode: str, text: str, seen: Seen, *, refused: bool) -> None:
    """Without evaluating it is known whether it can be read, and which names it needs."""
    template = mode == "template"
    error = compile_check(text, template=template)
    if error is not None:
        if not refused:
            raise Broken(f"has a value, though it cannot be read: {error.message}")
        return
    try:
        named = {mention.root for mention in mentions_in(text, template=template)}
    except ExpressionError as unread:
        raise Broken(f"is read, but its names are not: {unread.message}") from unread
    needed = set(roots_in({"field": text}))
    if not seen.read <= named or not seen.read <= needed:
        raise Broken(f"reads {sorted(seen.read)}; told are {sorted(named)} and {sorted(needed)}")


def _check_plain(value: JSON) -> None:
    todo = [value]
    while todo:
        item = todo.pop()
        if type(item) is dict:
            if not all(type(key) is str for key in item):
                raise Broken("a key that is no text")
            todo.extend(item.values())
        elif type(item) is list:
            todo.extend(item)
        elif type(item) not in _PLAIN or (type(item) is float and not math.isfinite(item)):
            raise Broken(f"no plain value: {item!r:.100}")
    if isinstance(value, str) and resolve_is_final(value) != value:
        raise Broken("a value that is not data for ever")


def resolve_is_final(value: str) -> JSON:
    """What a config holds that names this value: the value itself, whatever braces it has."""
    return resolve({"field": "{{ x }}"}, {"x": value})["field"]
