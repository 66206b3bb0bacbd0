"""Whether the installation is being maintained: then nothing new is taken, what runs goes on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.operators.models import Maintenance
from accounts.operators.remembered import Remembered

USUAL = "We are working on this installation. Runs that are under way go on."
#: Seconds after which a client may ask again where no end is expected, and those at most.
RETRY_AFTER, LONGEST_RETRY = 60, 3_600


class UnderMaintenance(Exception):
    """Nothing new is taken at the moment."""

    code = "maintenance"

    def __init__(self, notice: "Notice") -> None:
        super().__init__(notice.sentence)
        self.message = notice.sentence
        self.notice = notice


@dataclass(frozen=True)
class Notice:
    """What people are told."""

    message: str
    expected_end: datetime | None = None

    @property
    def sentence(self) -> str:
        """The message, and until when."""
        if self.expected_end is None or self.expected_end <= timezone.now():
            return self.message
        return f"{self.message} Expected to end at {self.expected_end:%Y-%m-%d %H:%M} (UTC)."

    @property
    def retry_after(self) -> int:
        """Seconds."""
        if self.expected_end is None:
            return RETRY_AFTER
        left = (self.expected_end - timezone.now()) / timedelta(seconds=1)
        return int(min(max(left, RETRY_AFTER), LONGEST_RETRY))


def _read() -> Notice | None:
    row = Maintenance.objects.first()
    return Notice(row.message or USUAL, row.expected_end) if row is not None else None


_notice: Remembered[Notice | None] = Remembered(_read, None)


def forget_maintenance() -> None:
    """Read it anew; called where it begins and ends."""
    _notice.forget()


def notice() -> Notice | None:
    """What people are told while nothing new is taken; None while all is well."""
    return _notice.get()


def is_known() -> bool:
    """Whether `notice` would ask nobody; an event loop asks on a thread where not."""
    return _notice.is_fresh


def check_maintenance() -> None:
    """Raises UnderMaintenance where nothing new is taken."""
    if (told := notice()) is not None:
        raise UnderMaintenance(told)
