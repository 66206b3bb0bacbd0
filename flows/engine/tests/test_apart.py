"""Work in a process of its own: what it may have, what it sees, and how it ends."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from flows.engine.apart import TooMuch, apart
from flows.engine.errors import NodeError

HERE = "flows.engine.tests.test_apart"


def echo(content: bytes, options: dict[str, Any]) -> tuple[Any, bytes]:
    print("a library says something")
    return {"options": options, "environment": sorted(os.environ)}, content[::-1]


def refuse(content: bytes, options: dict[str, Any]) -> tuple[Any, bytes]:
    raise NodeError("file_unreadable", "It is broken.", field="file")


def fill(content: bytes, options: dict[str, Any]) -> tuple[Any, bytes]:
    return None, b"x" * 3_000_000_000


def spin(content: bytes, options: dict[str, Any]) -> tuple[Any, bytes]:
    while True:
        pass


def sleep(content: bytes, options: dict[str, Any]) -> tuple[Any, bytes]:
    Path(options["begun"]).touch() if options else None
    time.sleep(600)
    return None, b""


def write(content: bytes, options: dict[str, Any]) -> tuple[Any, bytes]:
    Path(options["path"]).write_bytes(b"x" * 100)
    return None, b""


def crash(content: bytes, options: dict[str, Any]) -> tuple[Any, bytes]:
    os.abort()


def work(name: str, seconds: float = 5, **options: Any) -> tuple[Any, bytes]:
    return asyncio.run(apart(f"{HERE}:{name}", b"abc", options, seconds=seconds))


def test_it_gets_and_gives_data_and_sees_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUX_SECRET_KEYS", "canary")
    value, content = work("echo", a=[1])
    assert (value["options"], content) == ({"a": [1]}, b"cba")
    assert not {"FLUX_SECRET_KEYS", "DATABASE_URL", "HOME"} & set(value["environment"])
    with pytest.raises(NodeError) as refused:
        work("refuse")
    assert (refused.value.code, refused.value.field) == ("file_unreadable", "file")


@pytest.mark.parametrize(
    ("name", "words"),
    [("fill", "more memory"), ("spin", "too long"), ("crash", "ended the program")],
)
def test_what_takes_too_much_or_breaks_ends_alone(name: str, words: str) -> None:
    with pytest.raises(TooMuch, match=words):
        work(name, seconds=1)


def test_it_writes_no_file(tmp_path: Path) -> None:
    with pytest.raises(TooMuch):
        work("write", path=str(tmp_path / "made"))
    made = tmp_path / "made"
    assert not made.exists() or made.stat().st_size == 0


def test_whoever_is_cancelled_leaves_no_process_behind(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    async def cancelled() -> None:
        task = asyncio.create_task(apart(f"{HERE}:sleep", b"", {"begun": str(begun)}, seconds=300))
        while not begun.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = time.monotonic()
    # The loop waits for its threads at its end, and so for the process.
    asyncio.run(cancelled())
    assert time.monotonic() - before < 300
