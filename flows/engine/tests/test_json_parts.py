"""A small text does not become a large value: its parts are counted before it is parsed."""

import json
import subprocess
import sys
import time

import pytest

from flows.engine.document import dump_yaml, parse
from flows.engine.document_values import MAX_VALUES
from flows.engine.errors import DocumentInvalid
from flows.engine.json_parts import ROOMY, WEB, Room, TooManyParts, check_parts
from flows.engine.json_values import read_json

SMALL = Room(parts=6, containers=2)
BOMBS = {
    "lists": lambda: "[" + "[]," * 16_000_000 + "[]]",
    "objects": lambda: "[" + "{}," * 16_000_000 + "{}]",
    "numbers": lambda: "[" + "1," * 24_000_000 + "1]",
    "texts": lambda: "[" + '"",' * 16_000_000 + '""]',
    "quotes": lambda: '"' * 48_000_000,
    "open": lambda: "[" * 48_000_000,
    "escapes": lambda: '["' + "\\[" * 24_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_48_mb_of_brackets_are_refused_in_seconds(name: str) -> None:
    text = BOMBS[name]()
    began = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("[1,2,3,4,5]", True),
        ("[1,2,3,4,5,6,7]", False),
        ("[[],[]]", False),
        ('{"a":[1,2,3]}', True),
        ('{"a,,,,,,,":"[[[[{{{{,,,,,"}', True),
        ('["\\",[[[[[,,,,,,", "\\\\", 1]', True),
        ('["\\\\",[[[[[,,,,,,", "\\\\", 1]', False),
        ('["a', True),
        ("", True),
    ],
)
def test_parts_outside_of_quotes_are_counted(text: str, fits: bool) -> None:
    if fits:
        check_parts(text, SMALL)
    else:
        with pytest.raises(TooManyParts, match="more than 6 values or 2 lists and objects"):
            check_parts(text, SMALL)


def test_many_rows_and_long_texts_pass() -> None:
    check_parts(json.dumps([{"row": n, "name": "x" * 50} for n in range(400_000)]), ROOMY)
    check_parts(json.dumps({"csv": "1,2,3\n" * 2_000_000}), WEB)


# Bytes of memory at most while the JSON from stdin is read, over what the text itself takes: the
# peak of reading stdin is forgotten before.
MEASURE = """
import re, sys
from pathlib import Path
from flows.engine.json_values import read_json
def held(what):
    status = Path("/proc/self/status").read_text()
    return int(re.search(what + r":\\s+(\\d+)", status)[1]) * 1024
text = sys.stdin.read()
before = held("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
value = read_json(text)
print(held("VmHWM") - before)
"""
SMILE = '"\U0001f600a"'
WORST = {
    "objects": lambda: ",".join(
        [
            *[f'{{"":{SMILE}}}'] * (ROOMY.containers - 1),
            *[SMILE] * (ROOMY.parts - 2 * ROOMY.containers),
        ]
    ),
    "keys": lambda: ",".join(f'"k{n}":{SMILE}' for n in range(ROOMY.parts - 1)),
}


@pytest.mark.parametrize("name", WORST)
def test_the_largest_value_that_is_read_stays_under_500_mb(name: str) -> None:
    inside = WORST[name]()
    text = "{" + inside + "}" if name == "keys" else "[" + inside + "]"
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], input=text, capture_output=True, text=True, check=True
    )
    assert 100_000_000 < int(done.stdout) < 520_000_000


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "x", "a": [' + "[]," * 1_600_000 + "[]]}",
        '{"name": "x", "a": [' + "1," * 400_000 + "1]}",
        "name: x\na: [" + "[]," * 1_600_000 + "]",
        "name: x\na:\n" + "- 1\n" * 1_200_000,
        "name: x\na: {" + "? ," * 1_600_000 + "}",
    ],
    ids=lambda text: text[:26],
)
def test_a_document_of_too_many_values_is_refused_in_seconds(text: str) -> None:
    began = time.process_time()
    with pytest.raises(DocumentInvalid) as caught:
        parse(text)
    assert time.process_time() - began < 5
    assert caught.value.problems[0].code in ("document_too_large", "duplicate_key")


def test_a_document_of_many_values_is_read_from_both_forms() -> None:
    config = {"value": list(range(MAX_VALUES - 100))}
    document = parse({"name": "x", "nodes": [{"id": "end", "type": "output", "config": config}]})
    assert parse(dump_yaml(document)) == document
    config["value"] *= 2
    with pytest.raises(DocumentInvalid):
        parse({"name": "x", "nodes": [{"id": "end", "type": "output", "config": config}]})
