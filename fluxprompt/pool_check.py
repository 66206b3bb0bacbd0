"""Whether a pooled connection still works, without asking the server."""

import select

from psycopg import Connection
from psycopg_pool import ConnectionPool


def check_unless_silent(connection: "Connection[object]") -> None:
    """Return where the connection works. Raises psycopg.OperationalError where it does not.

    A server that went away has closed its side, so that there is something to read; an idle
    connection that is silent works. Asking each time was a round trip for every request.
    """
    if not connection.closed:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if not poll.poll(0):
            return
    ConnectionPool.check_connection(connection)
