"""What the sandbox's failures mean to the builder whose code it was."""

from typing import Any

from flows.engine.errors import NodeError

#: Characters of an exception's text that an error repeats, and of the logs before it.
SHOWN = 1_000
SHOWN_LOGS = 2_000
#: Lines of a traceback that an error keeps, the innermost.
SHOWN_FRAMES = 10


def failed(error: Any, logs: str, seconds: float, memory_bytes: int) -> NodeError:
    """The error for an exception that the code did not catch (a MontyRuntimeError or -SyntaxError).

    Limits come as exceptions too; code that raises the like of them is told the same.
    """
    said = error.display("type-msg")[:SHOWN]
    if said.startswith("TimeoutError: feed time limit"):
        return timed_out(seconds, logs)
    if said.startswith("MemoryError"):
        return out_of_memory(memory_bytes, logs)
    if said.startswith("RuntimeError: suspension limit"):
        said = "it asked too often for what the sandbox does not have"
    frames = list(error.traceback())
    # A line beyond the source is what we added to it: then the end of the source is wrong.
    place = f" on line {frames[-1].line}" if frames else ""
    within = f" (in '{frames[-1].function_name[:100]}')" if _in_function(frames) else ""
    return NodeError(
        "code_failed",
        f"The code failed{place}{within}: {said.rstrip('.')}. Correct the source, or what it is "
        "given.",
        field="source",
        details={**_line(frames), "traceback": _traceback(frames), **_logs(logs)},
    )


def _in_function(frames: list[Any]) -> bool:
    return bool(frames) and frames[-1].function_name not in (None, "<module>")


def _line(frames: list[Any]) -> dict[str, int]:
    return {"line": frames[-1].line} if frames else {}


def _traceback(frames: list[Any]) -> list[str]:
    # Not the lines themselves: the last one was written anew, and builders have their own.
    return [
        f"line {frame.line}, in {(frame.function_name or '<module>')[:100]}"
        for frame in frames[-SHOWN_FRAMES:]
    ]


def _logs(logs: str) -> dict[str, str]:
    return {"logs": logs[-SHOWN_LOGS:]} if logs else {}


def timed_out(seconds: float, logs: str) -> NodeError:
    return NodeError(
        "code_timeout",
        f"The code was not done within {seconds:g} seconds and was ended. Raise 'seconds', or have "
        "it do less.",
        field="seconds",
        details=_logs(logs),
    )


def out_of_memory(memory_bytes: int, logs: str) -> NodeError:
    return NodeError(
        "code_memory",
        f"The code needed more than {memory_bytes // 1_000_000} MB of memory and was ended. Raise "
        "'memory_mb', or have it hold less at once.",
        field="memory_mb",
        details=_logs(logs),
    )


def printed_too_much(most: int, logs: str) -> NodeError:
    return NodeError(
        "code_output_too_large",
        f"The code printed more than {most:,} characters, and was ended. Print less.",
        field="source",
        details=_logs(logs),
    )


def result_too_large(why: str, logs: str) -> NodeError:
    return NodeError(
        "code_output_too_large",
        f"The result {why}. Hand on less.",
        field="source",
        details=_logs(logs),
    )


def result_invalid(why: str, logs: str) -> NodeError:
    return NodeError(
        "code_result_invalid",
        f"The result cannot be handed on: {why.rstrip('.')}. It has to be JSON data: None, true or "
        "false, numbers, text, lists, and dicts with text as keys.",
        field="source",
        details=_logs(logs),
    )


def inputs_invalid(why: str) -> NodeError:
    return NodeError(
        "code_inputs_invalid",
        f"The inputs cannot be given to the code: {why.rstrip('.')}.",
        field="inputs",
    )


def crashed(why: str) -> NodeError:
    return NodeError(
        "code_crashed",
        f"The process that ran the code ended before the code did ({why}). It is replaced; if this "
        "comes again, the code reaches a limit of the interpreter: write it another way.",
        field="source",
        retryable=True,
    )


def busy(again: float) -> NodeError:
    return NodeError(
        "code_busy",
        "All processes that this run may have for its code are in use; this step comes again in "
        f"{again:.1f} s. Give the server more (FLUX_SANDBOX_PROCESSES), or run less at once.",
        retryable=True,
        refused=True,
        retry_after=again,
    )
