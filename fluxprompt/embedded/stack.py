"""The programs of one copy: database, Temporal, local model, workers, web server."""

import asyncio
import signal
from pathlib import Path

import psycopg

from fluxprompt.embedded import temporal
from fluxprompt.embedded.child import Child
from fluxprompt.embedded.configuration import Configuration, python
from fluxprompt.embedded.postgres import Postgres
from fluxprompt.embedded.probes import http_status
from fluxprompt.embedded.processes import Program, run_async
from fluxprompt.paths import ROOT

LOOPBACK = "127.0.0.1"
#: How long a worker may take to end after the calls in flight, in seconds.
LEAVING_SECONDS = 2


def database(configuration: Configuration) -> Child:
    """The embedded PostgreSQL."""
    server = Postgres(configuration.data)

    def program() -> Program:
        server.prepare()
        return server.program()

    async def ready() -> bool:
        return await asyncio.to_thread(_ready_with_database, server)

    return Child(
        "PostgreSQL",
        program,
        ready,
        # A fast shutdown: SIGTERM would wait for every client to leave.
        stop_signal=signal.SIGINT,
        stop_seconds=15,
        failure=server.failure,
    )


def _ready_with_database(server: Postgres) -> bool:
    try:
        server.create_database()
    except psycopg.Error:
        # Not yet: it starts, or it went away in between.
        return False
    return True


def temporal_server(configuration: Configuration) -> Child:
    """The embedded Temporal server with its pages."""
    log = configuration.log("temporal")
    address = f"{LOOPBACK}:{configuration.temporal_port}"

    def program() -> Program:
        return temporal.server(
            port=configuration.temporal_port,
            ui_port=configuration.temporal_ui_port,
            database=configuration.data / "temporal.db",
            log=log,
            codec_endpoint=f"{configuration.public_url}/temporal-codec",
            namespace=configuration.namespace,
        )

    async def ready() -> bool:
        # Both succeed only when the server answers and its namespace is there.
        return all(
            [
                await run_async(step) == 0
                for step in temporal.namespace_programs(
                    address=address,
                    namespace=configuration.namespace,
                    log=configuration.log("temporal-setup"),
                )
            ]
        )

    return Child("Temporal", program, ready)


def local_model(configuration: Configuration) -> Child:
    """The small local model's server."""
    port = configuration.local_model_port
    command = python("-m", "fluxprompt.embedded.local_model", str(port))
    program = _own_program(configuration, command, "local-model")

    async def ready() -> bool:
        return await http_status(LOOPBACK, port, "/health") == 200

    return Child("Local model", lambda: program, ready, stop_seconds=3)


def worker(configuration: Configuration, number: int, **environment: str) -> Child:
    """One worker; it tells by a file that it asks for work."""
    name = "Worker" if configuration.workers == 1 else f"Worker {number}"
    log = f"worker-{number}"
    command = python("manage.py", "runworker")
    polls = configuration.data / f"{log}.ready"
    described = _own_program(
        configuration,
        command,
        log,
        FLUX_DRAIN_SECONDS=f"{configuration.drain_seconds:g}",
        FLUX_READY_FILE=str(polls),
        DJANGO_SETTINGS_MODULE=configuration.worker_settings,
        **environment,
    )

    def program() -> Program:
        polls.unlink(missing_ok=True)
        return described

    async def ready() -> bool:
        return polls.exists()

    return Child(name, program, ready, stop_seconds=configuration.drain_seconds + LEAVING_SECONDS)


def web(configuration: Configuration, **environment: str) -> Child:
    """The web server."""
    # Options as measured; lifespan events are not part of Django's ASGI application.
    command = python(
        *("-m", "uvicorn", "fluxprompt.asgi:application"),
        *("--host", configuration.host, "--port", str(configuration.port)),
        *("--lifespan", "off", "--loop", "uvloop", "--http", "httptools"),
        *("--ws", "websockets-sansio", "--no-access-log", "--log-level", "warning"),
        # Pages say a hundred thousand characters at most; a stranger's frame is kept until read.
        *("--ws-max-size", "1000000"),
        # Whose X-Forwarded-For counts, FLUX_TRUSTED_PROXIES alone says.
        "--no-proxy-headers",
        # Open sockets and event streams must not hold up the end.
        *("--timeout-graceful-shutdown", "2"),
    )
    program = _own_program(configuration, command, "web", **environment)

    async def ready() -> bool:
        status = await web_status(configuration, "/healthz")
        # A refusal (a host name that DJANGO_ALLOWED_HOSTS does not have) is an answer too.
        return status is not None and status < 500

    return Child("Web", lambda: program, ready, stop_seconds=5)


async def web_status(configuration: Configuration, path: str) -> int | None:
    """The status of a GET to our own web server."""
    host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(configuration.host, configuration.host)
    return await http_status(host, configuration.port, path)


def logs(configuration: Configuration) -> dict[str, Path]:
    """The logs whose errors are shown on the terminal."""
    workers = [f"worker-{number}" for number in range(1, configuration.workers + 1)]
    return {name: configuration.log(name) for name in ("web", *workers)}


def manage(configuration: Configuration, *arguments: str, log: str) -> Program:
    """One of our own commands."""
    return _own_program(configuration, python("manage.py", *arguments), log)


def _own_program(
    configuration: Configuration, command: list[str], log: str, **environment: str
) -> Program:
    return Program(
        command,
        log=configuration.log(log),
        env=configuration.child_environment(**environment),
        cwd=ROOT,
    )
