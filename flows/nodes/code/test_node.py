"""The code node: what its source may be, and what it asks of the sandbox."""

import pytest

from flows.engine.attempts import attempt_seconds
from flows.engine.document import NodeSpec
from flows.engine.doors.sandbox import CodeAnswer
from flows.engine.errors import NodeError
from flows.engine.node_call import check_config
from flows.engine.tests.support import FakeContext, FakeSandbox, node_type, perform
from flows.nodes.code.source import MAX_SOURCE, SourceInvalid, read_source


def test_the_source_stays_as_written_and_inputs_are_evaluated() -> None:
    world = FakeContext(sandbox=FakeSandbox([CodeAnswer({"n": 2}, "hi\n")]))
    source = 'result = f"{{ {n} }}"'
    config = {"source": source, "inputs": {"n": "{{ start.n }}"}, "seconds": 3, "memory_mb": 8}
    result = perform("code", config, world, {"start": {"n": [1, "{{ 2 }}"]}})
    assert result.output == {"result": {"n": 2}, "logs": "hi\n"}
    assert world.sandbox.calls == [
        {
            "source": source,
            "inputs": {"n": [1, "{{ 2 }}"]},
            "seconds": 3,
            "memory_bytes": 8_000_000,
        }
    ]


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ("1 + 1", "result = (1 + 1)"),
        ("é = 'ü'; é + 'ö'  # é", "é = 'ü'; result = (é + 'ö')  # é"),
        ("a = 1\r\n(a +\r\n 1)\r\n", "a = 1\nresult = ((a +\n 1))\n"),
        ("def f():\n    result = 1\n    return result\nf()", None),
        ("[result for result in [1]]", "result = ([result for result in [1]])"),
        ("result = 1\nprint(result)", "result = 1\nprint(result)"),
        ("if a:\n    result = 1\nprint(2)", "if a:\n    result = 1\nprint(2)"),
        ("def f():\n    global result\n    result = 1\nf()", "as written"),
        ("def result(): pass\n1", "as written"),
        ("for a in b:\n    a", "as written"),
        ("# nothing", "as written"),
    ],
)
def test_the_last_line_is_the_result_unless_the_source_names_one(
    written: str, run: str | None
) -> None:
    wanted = written if run == "as written" else run or written.replace("\nf()", "\nresult = (f())")
    assert read_source(written) == wanted


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a = (\n", "line 1: '(' was never closed"),
        ("a\n return", "line 2: unexpected indent"),
        ("a = 1\nreturn a", "line 2: `return` works only in a function"),
        ("for a in [1]:\n    return a", "line 2: `return`"),
        ("import json\nimport reqests", "line 2: the sandbox has no module 'reqests'; there are"),
        ("from jsn.decoder import a", "did you mean 'json'?"),
        ("from . import a", "no modules beside the source"),
        ("from math import *", "one by one"),
        ("def f():\n    yield 1", "line 2: the sandbox has no `yield`"),
        ("del a", "no `del`"),
        ("class A(Exception): pass", "no inheritance"),
        ("class A:\n    @property\n    def a(self): pass", "no decorators of methods"),
        ("async def f():\n    return [a async for a in b]", "asynchronous comprehensions"),
        ("a\x00", "null bytes"),
        ("(" * 9_000, "too many nested parentheses"),
        ("-" * 90_000 + "1", "nested too deeply"),
        ("a" + ".b" * 49_000, "nested too deeply"),
        ("[1," * 30_000, "nested too deeply"),
        ("1" + "+1" * 49_000, "nested too deeply"),
        ("a" * (MAX_SOURCE + 1), "longer than 100,000 characters"),
    ],
)
def test_s4_a_source_that_cannot_run_is_found_without_running_it(source: str, says: str) -> None:
    with pytest.raises(SourceInvalid) as caught:
        read_source(source)
    assert says in str(caught.value)
    with pytest.raises(NodeError) as refused:
        check_config(node_type("code"), {"source": source})
    assert (refused.value.code, refused.value.field) == ("config_invalid", "source")


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"source": "  \n"}, "source"),
        ({"source": "1", "inputs": {"a b": 1}}, "inputs"),
        ({"source": "1", "inputs": {"class": 1}}, "inputs"),
        ({"source": "1", "inputs": {"_given": 1}}, "inputs"),
        ({"source": "1", "inputs": {"result": 1}}, "inputs"),
        ({"source": "1", "inputs": {f"a{n}": n for n in range(101)}}, "inputs"),
        ({"source": "1", "seconds": 61}, "seconds"),
        ({"source": "1", "seconds": 0}, "seconds"),
        ({"source": "1", "memory_mb": 257}, "memory_mb"),
    ],
)
def test_settings_that_do_not_fit_name_their_field(config: dict[str, object], field: str) -> None:
    with pytest.raises(NodeError) as refused:
        check_config(node_type("code"), config)
    assert refused.value.field == field


def test_an_attempt_lasts_longer_than_the_code_may() -> None:
    def seconds(wanted: object) -> float:
        config = {"source": "1", "seconds": wanted}
        return attempt_seconds(NodeSpec(id="a", type="code", config=config), node_type("code"))

    assert seconds(60) == seconds("{{ start.n }}") == 70
    assert seconds(1) == seconds("much") == 60
