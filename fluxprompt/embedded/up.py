"""`manage.py up`: one copy of FluxPrompt with all it needs, until Ctrl-C."""

import argparse
import asyncio
import errno
import sys

from fluxprompt.embedded.configuration import Configuration
from fluxprompt.embedded.data_folder import DataFolder
from fluxprompt.embedded.errors import StackError
from fluxprompt.embedded.supervisor import Supervisor
from fluxprompt.embedded.terminal import line, say
from fluxprompt.embedded.wishes import keep_wish
from fluxprompt.secrets_file import SecretsError, load_secrets


def main(arguments: list[str]) -> int:
    """Run until a signal; the exit code. Problems are one sentence on stderr and code 1."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options.local_model)
    except (StackError, SecretsError) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(_sentence(error))


def _run(local_model: bool | None) -> int:
    configuration = Configuration()
    configuration.use_own_database()
    folder = DataFolder(configuration.data)
    try:
        line(f"FluxPrompt, data in {configuration.data}")
        if warning := folder.warning():
            say(warning)
        # Every child needs them; made before there is anything that they encrypt.
        load_secrets(configuration.data)
        keep_wish(configuration.data, local_model)
        asyncio.run(_supervise(configuration))
    finally:
        folder.release()
    return 0


async def _supervise(configuration: Configuration) -> None:
    await Supervisor(configuration).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py up", description=__doc__)
    model = parser.add_mutually_exclusive_group()
    model.add_argument(
        "--with-local-model",
        dest="local_model",
        action="store_true",
        default=None,
        help="install and run a small real language model; remembered for the next start",
    )
    model.add_argument(
        "--without-local-model",
        dest="local_model",
        action="store_false",
        help="no longer run the local model",
    )
    return parser


def _sentence(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "The disk is full: free some space and start again; what was stored is kept."
    if error.errno in (errno.EACCES, errno.EROFS):
        return f"{error.filename} cannot be written to: make it writable for this user."
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}."


def _fail(text: str) -> int:
    print(f"fluxprompt: {text}", file=sys.stderr, flush=True)
    return 1
