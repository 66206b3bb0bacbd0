"""Brings one copy up in order, keeps it up, and takes it down in reverse."""

import asyncio
import contextlib
import signal
import time

from fluxprompt import assets
from fluxprompt.embedded import database_state, ports, stack, static_files
from fluxprompt.embedded.child import Child
from fluxprompt.embedded.configuration import Configuration, python
from fluxprompt.embedded.errors import StackError, first_cause
from fluxprompt.embedded.logs import cut_large, reason
from fluxprompt.embedded.probes import require_temporal
from fluxprompt.embedded.processes import Program, last_lines, run_async
from fluxprompt.embedded.terminal import LoudLines, line, say, step
from fluxprompt.embedded.wishes import local_model_wished
from fluxprompt.paths import ROOT

#: How long the web server may take to hear that a worker asks for work.
POLLING_SECONDS = 60


class Supervisor:
    """All children of one copy, in the order in which they build on one another."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.began = time.monotonic()
        self._stopping = asyncio.Event()
        given = configuration
        self.database = None if given.given_database else stack.database(given)
        self.temporal = None if given.given_temporal else stack.temporal_server(given)
        self.model = stack.local_model(given) if local_model_wished(given.data) else None
        more = {}
        if self.model is not None:
            more["FLUX_LOCAL_MODEL_URL"] = given.local_model_url
        self.workers = [stack.worker(given, n, **more) for n in range(1, given.workers + 1)]
        self.web = stack.web(given, **more)

    @property
    def children(self) -> list[Child]:
        """In the order of starting."""
        first = [child for child in (self.database, self.temporal, self.model) if child]
        return [*first, *self.workers, self.web]

    async def run(self) -> None:
        """Everything, until a signal; StackError when it cannot be brought up."""
        self._listen_for_signals()
        starting = asyncio.create_task(self._up())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._watch()
        finally:
            starting.cancel()
            # What went wrong was raised above, or does not matter any more.
            await asyncio.gather(starting, return_exceptions=True)
            await self._down()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` has it ignored, so that a closed terminal stops nothing.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        if self._stopping.is_set():
            # Asked twice: no more patience.
            for child in self.children:
                child.kill()
        self._stopping.set()

    def _check_ports(self) -> None:
        given = self.configuration
        ports.require_free(given.host, given.port, "FLUX_PORT", "the web server")
        if self.temporal is not None:
            for port, variable, what in (
                (given.temporal_port, "TEMPORAL_PORT", "Temporal"),
                (given.temporal_ui_port, "TEMPORAL_UI_PORT", "Temporal's pages"),
            ):
                ports.require_free(stack.LOOPBACK, port, variable, what)
        if self.model is not None:
            variable = "FLUX_LOCAL_MODEL_PORT"
            ports.require_free(stack.LOOPBACK, given.local_model_port, variable, "the local model")

    async def _up(self) -> None:
        """Start what does not depend on one another at the same time."""
        self._check_ports()
        try:
            async with asyncio.TaskGroup() as group:
                database = group.create_task(self._prepare_database())
                engine = group.create_task(self._start_temporal())
                static = group.create_task(self._prepare_static())
                group.create_task(self._start_model())
                link = group.create_task(self._setup_link(database))
                group.create_task(self._start_web(database, static))
                group.create_task(self._start_workers(database, engine))
        except BaseExceptionGroup as errors:
            raise first_cause(errors) from None
        await self._announce(link.result())

    async def _prepare_database(self) -> None:
        given = self.configuration
        if self.database is not None:
            await self.database.start()
        else:
            await asyncio.to_thread(database_state.require_reachable, given.database_url)
        if await asyncio.to_thread(database_state.is_prepared, given.database_url):
            return
        began = time.monotonic()
        program = stack.manage(given, "prepare", "database", log="migrate")
        await self._must(program, "The database cannot be migrated")
        step("Database", "migrated", time.monotonic() - began)

    async def _prepare_static(self) -> None:
        given = self.configuration
        began = time.monotonic()
        if not await asyncio.to_thread(assets.is_current):
            step("Front end", "is built …")
            log = given.log("assets")
            command = python("-m", "fluxprompt.assets")
            program = Program(command, log, given.child_environment(), ROOT, umask=-1)
            if await run_async(program) != 0:
                why = reason(log).removeprefix("fluxprompt: ")
                if not assets.BUILT.exists():
                    raise StackError(f"The front end is not built: {why} (more in {log}).")
                say(f"The front end stays as it was built before: {why}.")
        if not await asyncio.to_thread(static_files.is_current, given.data):
            fingerprint = await asyncio.to_thread(static_files.fingerprint)
            program = stack.manage(given, "prepare", "static", log="static")
            await self._must(program, "The static files cannot be collected")
            static_files.note(given.data, fingerprint)
            step("Front end", "ready", time.monotonic() - began)

    async def _start_temporal(self) -> None:
        if self.temporal is not None:
            await self.temporal.start()
        else:
            await require_temporal(self.configuration.given_temporal)

    async def _start_model(self) -> None:
        if self.model is None:
            return
        try:
            await self.model.start()
        except StackError as error:
            # A comfort, not a need.
            say(f"Going on without the local model: {error}")

    async def _start_web(self, *before: "asyncio.Task[None]") -> None:
        await asyncio.gather(*before)
        await self.web.start()

    async def _start_workers(self, *before: "asyncio.Task[None]") -> None:
        await asyncio.gather(*before)
        await asyncio.gather(*(worker.start() for worker in self.workers))

    async def _setup_link(self, database: "asyncio.Task[None]") -> str | None:
        """The one-time link, while nobody can sign in."""
        await database
        given = self.configuration
        if await asyncio.to_thread(database_state.has_users, given.database_url):
            return None
        # Its log holds the link until it is used; only this account reads logs.
        log = given.log("setup-link")
        log.unlink(missing_ok=True)
        await self._must(stack.manage(given, "setup_link", log=log.stem), "No set-up link")
        found = last_lines(log)
        log.unlink()
        return found or None

    async def _must(self, program: Program, failure: str) -> None:
        if await run_async(program) != 0:
            why = reason(program.log)
            raise StackError(f"{failure}: {why} (more in {program.log}).")

    async def _announce(self, link: str | None) -> None:
        end = time.monotonic() + POLLING_SECONDS
        while (status := await stack.web_status(self.configuration, "/readyz")) is None or (
            status >= 500
        ):
            if time.monotonic() > end:
                say(f"No worker asks for work yet; see {self.configuration.log('worker-1')}.")
                break
            await asyncio.sleep(0.25)
        line()
        line(f"  Open           {self.configuration.public_url}/")
        if link:
            line(f"  First sign-in  {link}")
        if self.temporal is not None:
            line(f"  Temporal UI    {self.configuration.temporal_ui_url}/  (operators)")
        if self.model is not None:
            line(f"  Local model    {self.configuration.local_model_url}")
        line()
        line(f"Ready after {time.monotonic() - self.began:.1f} s. Ctrl-C stops everything.")

    async def _watch(self) -> None:
        """Show what the children report as errors and cut their logs, until asked to stop."""
        loud = LoudLines(stack.logs(self.configuration))
        trouble = ""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)
            try:
                for text in loud.new():
                    say(text)
                cut_large(self.configuration.data / "logs")
            except OSError as error:
                # Told once: what runs does not depend on it.
                if str(error) != trouble:
                    say(f"The logs cannot be looked after: {error}.")
                trouble = str(error)

    async def _down(self) -> None:
        if self._stopping.is_set():
            line("\nStopping …")
        await self.web.stop()
        await asyncio.gather(*(worker.stop() for worker in self.workers))
        for child in (self.model, self.temporal, self.database):
            if child is not None:
                await child.stop()
        if self._stopping.is_set():
            line("Stopped. The data is kept.")
