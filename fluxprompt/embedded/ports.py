"""Which ports are free."""

import errno
import socket
import time

from fluxprompt.embedded.errors import StackError


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now; a StackError when the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror as error:
            raise StackError(
                f"FLUX_HOST is “{host}”, which is no address of this machine."
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            if error.errno == errno.EACCES:
                raise StackError(
                    f"Port {port} is reserved for root: choose one above 1023."
                ) from error
            raise StackError(
                f"FLUX_HOST is “{host}”, which is no address of this machine."
            ) from error
    return True


def require_free(host: str, port: int, variable: str, what: str, *, patience: float = 2) -> None:
    """A StackError that names the variable to set, unless the port is free.

    It waits a little: processes of a killed `up` may be on their way out.
    """
    end = time.monotonic() + patience
    while not is_free(host, port):
        if time.monotonic() > end:
            raise StackError(
                f"Port {port} for {what} is in use by another program: stop that, or choose "
                f"another port, for example {variable}={_next_free(host, port)}."
            )
        time.sleep(0.05)


def _next_free(host: str, port: int) -> int:
    return next((p for p in range(port + 1, min(port + 100, 65536)) if is_free(host, p)), port + 1)
