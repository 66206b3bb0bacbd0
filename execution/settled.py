"""What the workflow of a run settled by itself and nobody has recorded yet: pure, no clock."""

from execution.shapes import NodeRecord
from flows.engine.sizes import wire_size

#: Bytes of records that travel together (Temporal refuses payloads over 2 MiB).
RECORDS_LIMIT = 500_000


class Settled:
    """Records on their way: taken by what travels next, given back where it may not arrive.

    A record that arrives twice is written once.
    """

    def __init__(self) -> None:
        self._records: list[tuple[int, NodeRecord]] = []
        self.size = 0

    @property
    def is_much(self) -> bool:
        """Whether it is time to hand records over."""
        return self.size > RECORDS_LIMIT

    def add(self, record: NodeRecord) -> None:
        size = wire_size(record)
        self._records.append((size, record))
        self.size += size

    def take(self) -> list[NodeRecord]:
        """The oldest records, as many as travel together."""
        taken: list[NodeRecord] = []
        room = RECORDS_LIMIT
        for size, record in self._records:
            if taken and size > room:
                break
            taken.append(record)
            room -= size
            self.size -= size
        del self._records[: len(taken)]
        return taken

    def give_back(self, records: list[NodeRecord]) -> None:
        """They may not have arrived: they travel again, before what came since."""
        sized = [(wire_size(record), record) for record in records]
        self._records[:0] = sized
        self.size += sum(size for size, _ in sized)
