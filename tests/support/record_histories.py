"""Records runs of every shape anew: `python -m tests.support.record_histories [folder]`.

Makes them on a stack of its own (a minute or two), and writes their histories below
execution/tests/histories/ and their fingerprint beside. The folder's name is by default the month;
name a new one for each release, and keep those of releases that runs may still be under way of.
"""

import argparse
import os
import subprocess
import sys
from datetime import UTC, datetime

from fluxprompt.paths import ROOT

TEST = "execution/tests/test_fingerprint.py"
#: Tells that test to write what it makes, and where.
FOLDER = "FLUX_TEST_RECORD_HISTORIES"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", default=f"{datetime.now(UTC):%Y-%m}")
    folder = arguments.parse_args().folder
    command = [sys.executable, str(ROOT / "manage.py"), "test", "-q", TEST, "-k", "makes"]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, FOLDER: folder}).returncode


if __name__ == "__main__":
    sys.exit(main())
