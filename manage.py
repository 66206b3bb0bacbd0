#!/usr/bin/env python3
"""Runs FluxPrompt's commands; starts on any Python 3 and goes on in `.venv`."""

import os
import sys


def main():
    if sys.version_info < (3, 8):  # noqa: UP036 - the reason of this file
        sys.exit("fluxprompt: start this with Python 3.8 or newer; it then finds 3.12 or newer.")
    from fluxprompt import bootstrap

    bootstrap.ensure(sys.argv)
    # A worker serves no pages: with its own, smaller settings it is back sooner after a crash.
    worker = sys.argv[1:2] == ["runworker"]
    settings = "fluxprompt.worker_settings" if worker else "fluxprompt.settings"
    os.environ["DJANGO_SETTINGS_MODULE"] = os.environ.get("DJANGO_SETTINGS_MODULE") or settings
    # These two go without Django, whose loading takes longer than starting the database.
    if sys.argv[1:2] == ["up"]:
        from fluxprompt.embedded.up import main as up

        sys.exit(up(sys.argv[2:]))
    if sys.argv[1:2] == ["test"]:
        from fluxprompt.testing.suite import main as test

        sys.exit(test(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
