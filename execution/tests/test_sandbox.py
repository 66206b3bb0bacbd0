"""Rule S3: code runs in the sandbox's own processes, reaches nothing, and is bounded."""

import asyncio
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from execution.sandbox.call import LOGS_CUT, MAX_ASKED, MAX_LOGS
from execution.sandbox.places import Owner
from execution.sandbox.pool import SandboxPool
from execution.sandbox.process import NICE
from flows.engine.doors.sandbox import CodeAnswer
from flows.engine.errors import NodeError
from flows.nodes.code.source import MODULES

JSON = Any
ENDLESS = "while True: pass"
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    pool = SandboxPool(8)
    yield pool
    pool.close()


async def answer_of(
    pool: SandboxPool,
    source: str,
    inputs: dict[str, JSON] | None = None,
    *,
    run: str = "one",
    workspace: str = "mine",
    seconds: float = 5,
    memory_mb: int = 32,
) -> CodeAnswer:
    return await pool.run(
        Owner(workspace, run),
        source,
        inputs or {},
        seconds=seconds,
        memory_bytes=memory_mb * 1_000_000,
    )


async def refusal_of(pool: SandboxPool, source: str, **more: Any) -> NodeError:
    """How the source fails; and the sandbox goes on afterwards, with nothing left behind."""
    with pytest.raises(NodeError) as caught:
        await answer_of(pool, source, **more)
    assert (await answer_of(pool, "result = 1 + 1")).value == 2
    assert pool.places.used == 0
    return caught.value


def children(pool: SandboxPool) -> list[int]:
    """The processes of a sandbox."""
    keepers = pool.pids()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{name}/stat").read_text()
        except OSError:
            continue
        command, _, rest = stat.partition(" (")[2].rpartition(") ")
        state, parent = rest.split()[:2]
        if command == "monty" and state != "Z" and int(parent) in keepers:
            found.append(int(name))
    return found


async def busy_children(pool: SandboxPool, number: int) -> list[int]:
    """The sandbox processes, as soon as there are so many."""
    async with asyncio.timeout(20):
        while len(found := children(pool)) != number:
            await asyncio.sleep(0.01)
    return found


async def test_code_gets_its_inputs_and_hands_on_data_and_what_it_printed(
    pool: SandboxPool,
) -> None:
    inputs = {"rows": [{"n": 1, "ü": None}, {"n": 2.5}], "word": "{{ é }}"}
    source = "print(word)\nresult = {'sum': sum(row['n'] for row in rows), 7: (word, rows[0])}"
    answer = await answer_of(pool, source, inputs)
    assert answer.value == {"sum": 3.5, "7": ["{{ é }}", {"n": 1, "ü": None}]}
    assert answer.logs == "{{ é }}\n"
    assert await answer_of(pool, "a = 1") == CodeAnswer(None, "")


@pytest.mark.parametrize(
    "source",
    [
        "import os\nresult = dict(os.environ)",
        "import os\nresult = os.getenv('DATABASE_URL')",
        "import os\nresult = os.listdir('/')",
        "import os\nresult = os.urandom(4)",
        "open('/etc/passwd')",
        "open('/tmp/made-by-the-sandbox', 'w').write('x')",
        "from pathlib import Path\nPath('/proc/self/environ').read_text()",
        "from pathlib import Path\nPath('made-by-the-sandbox').write_text('x')",
        "import os\nos.system('true')",
        "import os\nos.fork()",
        "import os\nos.execv('/bin/true', [])",
        "import os\nos.kill(1, 9)",
        "import subprocess",
        "import multiprocessing",
        "import threading",
        "import socket",
        "import urllib.request",
        "import ctypes",
        "import importlib",
        "import builtins",
        "import gc",
        "import sys\nsys.modules",
        "import sys\nsys._getframe()",
        "import asyncio\nasyncio.create_subprocess_shell",
        "import asyncio\nasyncio.open_connection",
        "__import__('os')",
        "exec('import socket')",
        "eval('__import__(\"os\")')",
        "().__class__.__base__.__subclasses__()",
        "getattr((), '__class__')",
        "'{0.__class__}'.format(1)",
        "(lambda: 1).__globals__",
        "(lambda: 1).__code__",
        "async def f(): pass\nf().cr_frame",
        "try:\n    1 / 0\nexcept Exception as error:\n    error.__traceback__.tb_frame",
        "import json\njson.dumps = None",
        "import re\nre.sys",
        "globals()",
        "compile('1', '', 'eval')",
        "input()",
        "breakpoint()",
        "import time\ntime.sleep(1)",
    ],
)
async def test_s3_nothing_beyond_the_code_itself_can_be_reached(
    pool: SandboxPool, source: str
) -> None:
    error = await refusal_of(pool, source)
    assert (error.code, error.retryable) == ("code_failed", False)
    assert error.details["line"] == source.count("\n") + 1 or "1 / 0" in source
    assert not Path("/tmp/made-by-the-sandbox").exists()


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (ENDLESS, "code_timeout"),
        ("while True:\n    try:\n        while True: pass\n    except BaseException: pass", None),
        ("a = 3\nwhile True: a = a * a", None),
        ("sum(range(10**15))", "code_timeout"),
        ("import math\nmath.factorial(10**8)", None),
        ("import hashlib\nhashlib.pbkdf2_hmac('sha256', b'a', b'b', 10**9)", "code_timeout"),
        ("[0] * 10**10", "code_memory"),
        ("10 ** 10**8", "code_memory"),
        ("a = 'a'\nwhile True: a += a", "code_memory"),
        ("a = []\nwhile True: a.append('a' * 1000 + str(len(a)))", "code_memory"),
        ("'a'.ljust(10**10)", "code_memory"),
        ("'%1000000000d' % 1", "code_memory"),
        ("import itertools\nlist(itertools.repeat(1))", "code_memory"),
        ("def f(): return f()\nf()", "code_failed"),
        ("while True: print('a' * 1000)", "code_output_too_large"),
        ("while True: print('')", "code_output_too_large"),
        ("import sys\nwhile True: print('a'); print('b', file=sys.stderr)", "code_timeout"),
        ("result = 'a' * 6_000_000", "code_output_too_large"),
        ("result = [[]] * 250_000", "code_output_too_large"),
        ("raise ValueError('a' * 10_000_000)", "code_failed"),
        ("import os\nwhile True:\n    try: os.getenv('a')\n    except Exception: pass", None),
        ("a = [0]\nfor n in range(60): a = [a, a]\nresult = a", None),
        ("a = [0]\nfor n in range(60): a = [a, a]\nreturn a", "none"),
        ("a = [0]\nfor n in range(60): a = [a, a]\na", "none"),
        ("a = []\nfor n in range(50_000): a = [a]\nresult = a", "code_result_invalid"),
        ("a = []\na.append(a)\nresult = a", "code_result_invalid"),
        ("import re\nre.match('(a+)+$', 'a' * 5000 + 'b')", "none"),
    ],
)
async def test_s3_bombs_end_within_their_limits(
    pool: SandboxPool, source: str, code: str | None
) -> None:
    """`code` None: which limit ends it depends on the machine; "none": it does no harm."""
    if code == "none":
        assert (await answer_of(pool, source, seconds=1)).value is None
        return
    error = await refusal_of(pool, source, seconds=0.3 if code in (None, "code_timeout") else 2)
    assert error.code == code or (code is None and error.code.startswith("code_"))
    assert not error.retryable
    assert len(error.message) < 2_000


@on_linux
async def test_s3_a_process_has_no_environment_files_or_way_to_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DJANGO_SECRET_KEY", "FLUX_SECRET_KEYS", "DATABASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "canary")
    left_open = os.open(tmp_path / "secret", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(left_open, True)
    pool = SandboxPool(1)
    running = asyncio.create_task(answer_of(pool, ENDLESS, seconds=60, memory_mb=64))
    try:
        (pid,) = await busy_children(pool, 1)
        for process in (pid, *pool.pids()):
            assert b"canary" not in Path(f"/proc/{process}/environ").read_bytes()
        assert Path(f"/proc/{pid}/environ").read_bytes() == b""
        files = Path(f"/proc/{pid}/fd")
        opened = {int(path.name): os.readlink(path) for path in files.iterdir()}
        assert all(path.startswith("pipe:") for number, path in opened.items() if number != 2)
        async with asyncio.timeout(20):
            while os.getpriority(os.PRIO_PROCESS, pid) != NICE:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            while resource.prlimit(pid, resource.RLIMIT_AS)[1] == resource.RLIM_INFINITY:
                await asyncio.sleep(0.01)
        for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
            assert resource.prlimit(pid, limit) == (0, 0)
        assert resource.prlimit(pid, resource.RLIMIT_AS)[1] < 1_000_000_000
    finally:
        running.cancel()
        await asyncio.wait([running])
        pool.close()
        os.close(left_open)
    assert running.cancelled()


async def test_s3_the_same_source_sees_nothing_of_another_run(pool: SandboxPool) -> None:
    source = (
        "import decimal, random\n"
        "try:\n    seen += 1\nexcept NameError:\n    seen = 1\n"
        "result = [seen, decimal.getcontext().prec, random.random()]\n"
        "decimal.getcontext().prec = 3\nrandom.seed(1)\n"
    )
    first = await answer_of(pool, source, run="one")
    second = await answer_of(pool, source, run="one")
    third = await answer_of(pool, source, workspace="theirs")
    values = [answer.value for answer in (first, second, third)]
    assert [value[:2] for value in values] == [[1, 28]] * 3
    assert len({value[2] for value in values}) == 3


@on_linux
async def test_s3_a_run_full_of_bombs_leaves_room_for_others(pool: SandboxPool) -> None:
    bombs = [
        asyncio.create_task(answer_of(pool, ENDLESS, run="bombs", seconds=60)) for _ in range(10)
    ]
    pids = await busy_children(pool, pool.places.of_run)
    assert (await answer_of(pool, "result = 1", run="other")).value == 1
    assert (await answer_of(pool, "result = 1", workspace="theirs")).value == 1
    assert not any(bomb.done() for bomb in bombs[:2])
    for bomb in bombs:
        bomb.cancel()
    await asyncio.wait(bombs)
    assert pool.places.used == 0
    assert not set(children(pool)) & set(pids)


@on_linux
async def test_a_process_that_is_killed_is_replaced_and_its_step_tried_again(
    pool: SandboxPool,
) -> None:
    running = asyncio.create_task(answer_of(pool, ENDLESS, seconds=60))
    (pid,) = await busy_children(pool, 1)
    os.kill(pid, 9)
    with pytest.raises(NodeError) as caught:
        await running
    assert (caught.value.code, caught.value.retryable) == ("code_crashed", True)
    assert (await answer_of(pool, "result = 1")).value == 1


async def test_an_error_names_the_line_and_what_was_printed_before(pool: SandboxPool) -> None:
    source = "print('began')\n\ndef half(n):\n    return n / 0\n\nhalf(3)"
    error = await refusal_of(pool, source)
    assert error.message.startswith(
        "The code failed on line 4 (in 'half'): ZeroDivisionError: division by zero."
    )
    assert error.details == {
        "line": 4,
        "traceback": ["line 6, in <module>", "line 4, in half"],
        "logs": "began\n",
    }
    assert error.field == "source"


@pytest.mark.parametrize("source", ["{1, 2}", "float('nan')", "10 ** 5000", "{(1, 2): 3}", "b'a'"])
async def test_a_result_that_is_no_data_says_so(pool: SandboxPool, source: str) -> None:
    error = await refusal_of(pool, f"result = {source}")
    assert error.code == "code_result_invalid"
    assert "has to be JSON data" in error.message


async def test_long_logs_are_cut_and_say_so(pool: SandboxPool) -> None:
    answer = await answer_of(pool, "print('ä' * 200_000)\nresult = 1")
    assert answer.value == 1
    assert answer.logs == "ä" * MAX_LOGS + LOGS_CUT


@pytest.mark.parametrize("given", ["a" * 5_000_001, float("nan")])
async def test_inputs_that_cannot_be_given_are_refused(pool: SandboxPool, given: JSON) -> None:
    with pytest.raises(NodeError) as caught:
        await answer_of(pool, "result = 1", {"a": given})
    assert (caught.value.code, caught.value.field) == ("code_inputs_invalid", "inputs")


async def test_the_modules_that_validation_knows_are_those_of_the_sandbox(
    pool: SandboxPool,
) -> None:
    names = sorted(name for name in sys.stdlib_module_names if not name.startswith("_"))
    found: set[str] = set()
    for at in range(0, len(names), MAX_ASKED):
        trying = "".join(
            f"try:\n    import {name}\n    result.append({name!r})\nexcept ImportError: pass\n"
            for name in names[at : at + MAX_ASKED]
        )
        found.update((await answer_of(pool, f"result = []\n{trying}")).value)
    assert found == MODULES


@on_linux
async def test_a_keeper_that_is_killed_is_replaced(pool: SandboxPool) -> None:
    running = asyncio.create_task(answer_of(pool, ENDLESS, seconds=1))
    await busy_children(pool, 1)
    for pid in pool.pids():
        os.kill(pid, 9)
    with pytest.raises(NodeError) as caught:
        await running
    async with asyncio.timeout(20):
        while pool.pids():
            await asyncio.sleep(0.01)
    assert (caught.value.code, caught.value.retryable) == ("code_crashed", True)
    assert (await answer_of(pool, "result = 1")).value == 1


@on_linux
async def test_calls_of_a_sandbox_that_is_closed_end_at_once() -> None:
    pool = SandboxPool(1)
    running = asyncio.create_task(answer_of(pool, ENDLESS, seconds=60))
    (pid,) = await busy_children(pool, 1)
    pool.close()
    for call in (running, answer_of(pool, "result = 1")):
        with pytest.raises(NodeError) as caught:
            await call
        assert (caught.value.code, caught.value.retryable) == ("code_crashed", True)
    async with asyncio.timeout(20):
        while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
            await asyncio.sleep(0.01)
