"""Nonsense against every door for a while: `python -m benchmarks.fuzz --minutes 10`.

On a database of its own, in as many processes as asked for: expressions and templates by their
grammar, documents of every node type, changes of drafts, imports, frames of sockets, calls of the
API with bodies after their schemas, forms, queries, and what strangers may send. Printed are the
tries and answers of each kind, what they took, and each crash with its seed and what was sent.
Exits 1 where anything crashed. One try again: `--again "expression 12345"`.
"""

import argparse
import logging
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fluxprompt.testing.throw_away import throw_away_folder, throw_away_postgres

if TYPE_CHECKING:
    from tests.support.fuzzing.fuzz import Fuzz


def main() -> int:
    """Read the command line, fuzz, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--again", default="", help="kind and seed of one try, as they are printed")
    asked = parser.parse_args()
    if asked.processes > 1:
        return _in_processes(asked.processes, asked.minutes, asked.seed)
    with throw_away_folder() as folder, throw_away_postgres(folder) as url:
        os.environ |= {
            "DATABASE_URL": url,
            "FLUX_DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "fluxprompt.testing.settings",
        }
        (folder / "static").mkdir(exist_ok=True)
        import django

        django.setup()
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        setup_test_environment()
        logging.disable(logging.CRITICAL)
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        return fuzzed(asked.minutes * 60, asked.seed, asked.again)


def _in_processes(processes: int, minutes: float, seed: int) -> int:
    """The exit code of several, each with a database and seeds of its own."""
    command = [sys.executable, "-m", "benchmarks.fuzz", "--minutes", str(minutes)]
    started = [
        subprocess.Popen([*command, "--seed", str(seed + 1_000_000 * number)])
        for number in range(processes)
    ]
    return max(process.wait() for process in started)


def fuzzed(seconds: float, seed: int, again: str = "") -> int:
    """The exit code after that long; new objects every minute."""
    from django.db import transaction

    from execution import services as runs
    from flows import services
    from tests.support.access_world import access_world
    from tests.support.fuzzing.fuzz import Fuzz

    services.load_examples = lambda actor: []
    runs.dispatch = lambda *arguments: None
    end = time.monotonic() + seconds
    total = Total()
    rounds = 0
    while time.monotonic() < end:
        with transaction.atomic():
            fuzz = Fuzz(access_world(), seed + rounds)
            if again:
                kind, _, number = again.partition(" ")
                fuzz.once(kind, int(number))
                end = 0.0
            else:
                fuzz.run(until=min(end, time.monotonic() + 60))
            fuzz.doors.close()
            transaction.set_rollback(True)
        rounds += 1
        total.add(fuzz)
        print(f"seed {seed}: {rounds} rounds, {total.line()}", flush=True)
    total.tell()
    return 1 if total.crashes else 0


@dataclass
class Total:
    """What all rounds came to."""

    tries: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    slowest: tuple[float, str] = (0.0, "")
    crashes: dict[str, str] = field(default_factory=dict)

    def add(self, fuzz: "Fuzz") -> None:
        self.tries += fuzz.tries
        self.answers += fuzz.answers
        for kind, spent in fuzz.seconds.items():
            self.seconds[kind] += spent
        self.slowest = max(self.slowest, fuzz.slowest)
        for crash in fuzz.crashes:
            known = crash.partition(": ")[2][:80]
            if known not in self.crashes:
                self.crashes[known] = crash
                print(crash, flush=True)

    def line(self) -> str:
        return f"{self.tries.total():,} tries, {len(self.crashes)} kinds of crashes"

    def tell(self) -> None:
        for kind, tries in sorted(self.tries.items()):
            each = 1000 * self.seconds[kind] / tries
            said = ", ".join(
                f"{name.partition(' ')[2]} {100 * count / tries:.1f} %"
                for name, count in self.answers.most_common()
                if name.startswith(f"{kind} ")
            )
            print(f"  {kind}: {tries:,} of {each:.2f} ms: {said}")
        print(f"slowest try: {self.slowest[0]:.2f} s ({self.slowest[1]})")


if __name__ == "__main__":
    sys.exit(main())
