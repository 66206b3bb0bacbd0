"""The few settings that operators change at run time: database first, then environment, default.

Every web process and worker takes a change up within five seconds (accounts.operators.remembered).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings

from accounts.errors import InvalidValue
from accounts.operators.models import MAX_RETENTION_DAYS, SystemSetting
from accounts.operators.remembered import Remembered

JSON = Any
#: Characters of the banner.
LONGEST_BANNER = 300
MOST_RUNNING = 100_000


@dataclass(frozen=True)
class Spec:
    """One setting. `variable` is where its value is without a row: an attribute of settings."""

    name: str
    title: str
    help: str
    kind: Literal["choice", "number", "switch", "text"]
    check: Callable[[JSON], JSON]
    variable: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def configured(self) -> JSON:
        """What the environment or the default says."""
        return getattr(settings, self.variable) if self.variable else ""


def _signup(value: JSON) -> str:
    if value not in dict(SIGNUP):
        raise InvalidValue("signup", f"Choose one of {', '.join(dict(SIGNUP))}.")
    return str(value)


def _number(name: str, most: int, none: bool) -> Callable[[JSON], int | None]:
    def check(value: JSON) -> int | None:
        if value in (0, None, "") and none:
            return None
        # A bool is an int to Python, and a float may be too large for one.
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            more = ", or 0 for no end" if none else ""
            raise InvalidValue(name, f"Give a whole number from 1 to {most:,}{more}.")
        return value

    return check


def _switch(value: JSON) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue("flow_mail", "Say on or off.")
    return value


def _banner(value: JSON) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise InvalidValue("banner", "Write a text.")
    line = " ".join(value.split())
    if len(line) > LONGEST_BANNER:
        raise InvalidValue("banner", f"Write {LONGEST_BANNER} characters at most.")
    return line


SIGNUP = (
    ("open", "Open: everyone who reaches the page"),
    ("invitation", "By invitation"),
    ("closed", "Closed"),
)
SPECS: Mapping[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec(
            "signup",
            "Sign-up",
            "Who may make an account.",
            "choice",
            _signup,
            "FLUX_SIGNUP",
            SIGNUP,
        ),
        Spec(
            "retention_days",
            "Days of history",
            "Days that runs are kept after their end, where a workspace says nothing; 0: for ever.",
            "number",
            _number("retention_days", MAX_RETENTION_DAYS, none=True),
            "FLUX_RETENTION_DAYS",
        ),
        Spec(
            "max_running",
            "Running runs",
            "Runs of a workspace that are at work at once, where neither it nor its plan has a "
            "limit of its own.",
            "number",
            _number("max_running", MOST_RUNNING, none=False),
            "FLUX_MAX_RUNNING_PER_WORKSPACE",
        ),
        Spec(
            "flow_mail",
            "Mail from flows",
            "Whether E-mail steps that name no credential may send by the installation's server.",
            "switch",
            _switch,
            "FLUX_FLOW_MAIL",
        ),
        Spec(
            "banner",
            "Banner",
            "A line above every page, such as an announcement; empty: none.",
            "text",
            _banner,
        ),
    )
}


def _read() -> dict[str, JSON]:
    rows = SystemSetting.objects.filter(name__in=SPECS)
    return dict(rows.values_list("name", "value"))


_stored: Remembered[dict[str, JSON]] = Remembered(_read, {})


def forget_settings() -> None:
    """Read them anew; called where they are changed."""
    _stored.forget()


def stored() -> Mapping[str, JSON]:
    """What is set in the database, at most five seconds old."""
    return _stored.get()


def value(name: str) -> JSON:
    """A setting as it holds now. Asks the database now and then, so not from an event loop."""
    spec, found = SPECS[name], stored()
    if name in found:
        try:
            return spec.check(found[name])
        except InvalidValue:
            # Written by another release: what the environment says is safe.
            return spec.configured
    return spec.configured


def signup() -> str:
    """A word of FLUX_SIGNUP."""
    return str(value("signup"))


def retention_days() -> int | None:
    """Days that runs are kept where nothing else says so; None: for ever."""
    days: int | None = value("retention_days")
    return days


def max_running() -> int:
    """Runs of a workspace at work at once where nothing else says so."""
    return int(value("max_running"))


def flow_mail() -> bool:
    """Whether flows may send by the installation's mail server."""
    return bool(value("flow_mail"))


def banner() -> str:
    """The line above every page; "" for none."""
    return str(value("banner"))
