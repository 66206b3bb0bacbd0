"""What goes into the sandbox and what comes out of it, as JSON text within limits."""

import json
from collections.abc import Mapping
from typing import Any

from execution.sandbox import failures
from flows.engine.doors.sandbox import CodeAnswer
from flows.engine.json_parts import Room, TooManyParts
from flows.engine.json_values import read_json, storable_problem, storable_text

JSON = Any
#: Characters of JSON that go in and come out, and how many values come out: reading and writing
#: them keeps Python's lock, so other calls wait meanwhile.
MAX_INPUTS = 5_000_000
MAX_RESULT = 2_000_000
ROOM = Room(200_000, 100_000)


def inputs_text(inputs: Mapping[str, JSON]) -> str:
    """Raises NodeError code_inputs_invalid."""
    try:
        text = json.dumps(inputs, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise failures.inputs_invalid(f"they are no JSON data ({error})") from error
    if len(text) > MAX_INPUTS:
        raise failures.inputs_invalid(
            f"they are larger than {MAX_INPUTS:,} characters; hand over a part of them"
        )
    return storable_text(text)


def answer_from(written: str, logs: str) -> CodeAnswer:
    """What the sandbox wrote, as data. Raises NodeError."""
    if len(written) > MAX_RESULT:
        why = f"is larger than {MAX_RESULT:,} characters of JSON"
        raise failures.result_too_large(why, logs)
    try:
        value = read_json(written, ROOM)
        problem = storable_problem(value)
    except TooManyParts as error:
        raise failures.result_too_large(f"is too much: {error}", logs) from error
    except (ValueError, RecursionError) as error:
        raise failures.result_invalid(str(error), logs) from error
    if problem:
        raise failures.result_invalid(f"it {problem}", logs)
    return CodeAnswer(value, logs)
