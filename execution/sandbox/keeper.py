"""A worker's keeper of sandbox processes: `python -m execution.sandbox.keeper NUMBER`.

It stands between a worker and the code: reading what hostile code prints and raises costs time and
memory, and here it costs them under a Python lock of its own. It has no environment and knows no
secrets. It ends with its worker, whose pipe it reads.
"""

import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, BinaryIO

from execution.sandbox.call import Call
from execution.sandbox.frames import read_frame, write_frame
from flows.engine.errors import NodeError

if TYPE_CHECKING:
    from pydantic_monty import Monty

#: Seconds after which a call yields to short ones, and to everything else on the machine; and
#: seconds between two looks for such.
LONG = 0.25
LOOK_EVERY = 0.1
#: Seconds beyond its time after which a process is killed that does not end the code by itself.
GRACE = 0.5
#: Seconds that one answer of a process may take, whatever it was asked.
LONGEST_ANSWER = 70.0
#: Seconds that a new process may take to be there.
LONGEST_START = 20.0


class Keeper:
    """Carries out calls as they come, each in a thread."""

    def __init__(self, pool: "Monty", asked: BinaryIO, answers: BinaryIO) -> None:
        self._pool = pool
        self._asked = asked
        self._answers = answers
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}

    def serve(self) -> None:
        """Until the worker is gone."""
        threading.Thread(target=self._look_for_long_ones, daemon=True).start()
        while (message := read_frame(self._asked)) is not None:
            header, given = message
            if header["do"] == "stop":
                if call := self._calls.get(header["id"]):
                    call.stop()
                continue
            call = Call(
                header["source"],
                header["names"],
                given,
                header["seconds"],
                header["memory_bytes"],
            )
            self._calls[header["id"]] = call
            threading.Thread(target=self._carry_out, args=(header["id"], call)).start()
        for call in list(self._calls.values()):
            call.stop()

    def _look_for_long_ones(self) -> None:
        while True:
            time.sleep(LOOK_EVERY)
            for call in list(self._calls.values()):
                if call.seconds_so_far > LONG:
                    call.yield_to_others()

    def _carry_out(self, number: int, call: Call) -> None:
        header: dict[str, Any] = {"id": number}
        result = ""
        try:
            result = call.carry_out(self._pool)
            header["logs"] = call.logs
        except NodeError as error:
            header["error"] = {**error.as_dict(), "retryable": error.retryable}
        except Exception as error:
            header["broke"] = f"{type(error).__name__}: {error}"[:500]
        self._calls.pop(number, None)
        with self._lock:
            write_frame(self._answers, header, result)


def main() -> None:
    """Serve the worker at the other end of the standard streams."""
    from pydantic_monty import Monty

    # It ends when its worker does, which may have calls to finish after it was told to stop.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    pool = Monty(
        min_processes=0,
        max_processes=int(sys.argv[1]),
        # No process is used twice: nothing of one run can wait there for another.
        max_checkouts_per_worker=1,
        checkout_timeout=LONGEST_START,
        request_timeout=LONGEST_ANSWER,
        feed_duration_limit_grace=GRACE,
    )
    with pool:
        Keeper(pool, sys.stdin.buffer, sys.stdout.buffer).serve()
    # Threads may still write to a worker that is gone.
    os._exit(0)


if __name__ == "__main__":
    main()
