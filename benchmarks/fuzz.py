"""Nonsense against every door for a while: `python -m benchmarks.fuzz --minutes 10`.

On a database of its own: documents, expressions, calls of the API with bodies of every kind, forms
of pages and queries, by turns. Printed are the tries and answers of each kind, the slowest try, and
each crash with what was sent and the seed. Exits 1 where anything crashed.
"""

import argparse
import logging
import os
import sys
import time

from fluxprompt.testing.throw_away import throw_away_folder, throw_away_postgres


def main() -> int:
    """Read the command line, fuzz, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
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
        return fuzzed(asked.minutes * 60, asked.seed)


def fuzzed(seconds: float, seed: int) -> int:
    """The exit code after that long; new objects every minute."""
    from django.db import transaction

    from flows import services
    from tests.support.access_world import access_world
    from tests.support.fuzzing import KINDS, Fuzz

    services.load_examples = lambda actor: []
    end = time.monotonic() + seconds
    crashes: dict[str, str] = {}
    rounds = tries = 0
    slowest = 0.0
    answers: dict[str, int] = {}
    while time.monotonic() < end:
        until = min(end, time.monotonic() + 60)
        with transaction.atomic():
            fuzz = Fuzz(access_world(), seed + rounds)
            while time.monotonic() < until:
                for kind in KINDS:
                    fuzz.once(kind)
            transaction.set_rollback(True)
        rounds += 1
        tries += fuzz.tries.total()
        slowest = max(slowest, fuzz.slowest)
        for name, count in fuzz.answers.items():
            answers[name] = answers.get(name, 0) + count
        for crash in fuzz.crashes:
            crashes.setdefault(crash[:120], f"seed {fuzz.seed}: {crash}")
        print(f"{rounds} rounds, {tries:,} tries, {len(crashes)} crashes", flush=True)
    for name, count in sorted(answers.items()):
        print(f"  {name}: {count:,}")
    print(f"slowest try: {slowest:.2f} s")
    for crash in crashes.values():
        print(crash)
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main())
