"""What the parts of a copy are told, and what is asked of them."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fluxprompt.embedded import stack
from fluxprompt.embedded.configuration import Configuration
from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.probes import require_temporal
from fluxprompt.paths import ROOT


async def test_a_worker_is_ready_once_it_asks_for_work(tmp_path: Path) -> None:
    worker = stack.worker(Configuration(data=tmp_path), 1)
    environment = worker.program().env
    assert environment is not None
    assert not await worker.ready()
    Path(environment["FLUX_READY_FILE"]).touch()
    assert await worker.ready()
    # The file of a worker that died says nothing about the next one.
    worker.program()
    assert not await worker.ready()


@pytest.mark.parametrize(("given", "seconds"), [("", 8), ("25", 25), ("0.5", 0.5)])
def test_a_worker_has_the_seconds_to_drain_that_were_given(
    given: str, seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUX_DRAIN_SECONDS", given)
    worker = stack.worker(Configuration(data=tmp_path), 1)
    environment = worker.program().env
    assert environment is not None
    assert float(environment["FLUX_DRAIN_SECONDS"]) == seconds
    assert worker.stop_seconds > seconds


@pytest.mark.parametrize("given", ["soon", "-1", "nan", "inf"])
def test_seconds_that_are_none_are_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUX_DRAIN_SECONDS", given)
    with pytest.raises(StackError, match=f"FLUX_DRAIN_SECONDS must be .* not “{given}”"):
        Configuration()


async def test_a_given_temporal_that_is_absent_is_named() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(StackError, match=rf"TEMPORAL_ADDRESS \({address}\) cannot be reached"):
            await require_temporal(address)
        listener.listen()
        await require_temporal(address)


@pytest.mark.parametrize("address", ["temporal", "temporal:", ":7233", "http://temporal"])
async def test_an_address_of_temporal_without_host_or_port_is_refused(address: str) -> None:
    with pytest.raises(StackError, match=r"TEMPORAL_ADDRESS must be host:port"):
        await require_temporal(address)


def test_an_empty_variable_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "FLUX_HOST FLUX_PORT FLUX_PUBLIC_URL FLUX_SIGNUP FLUX_DB_POOL FLUX_LOG_LEVEL"
    names += " TEMPORAL_ADDRESS TEMPORAL_PORT TEMPORAL_NAMESPACE DATABASE_URL FLUX_DRAIN_SECONDS"
    for name in names.split():
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("FLUX_DATA_DIR", str(tmp_path))
    configuration = Configuration()
    wanted = "FLUX_PORT", "FLUX_PUBLIC_URL", "FLUX_SIGNUP", "TEMPORAL_ADDRESS", "FLUX_HOST"
    show = f"from fluxprompt import settings; print(*(getattr(settings, n) for n in {wanted}))"
    done = subprocess.run(
        [sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        *("8000", configuration.public_url, "invitation", "127.0.0.1:7233", "127.0.0.1")
    ]
    assert (configuration.port, configuration.given_temporal) == (8000, "")
