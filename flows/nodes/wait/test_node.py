"""How long a wait lasts."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from flows.engine.errors import NodeError
from flows.nodes.wait.node import Config, seconds_to_wait

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_seconds_are_waited_as_they_are() -> None:
    assert seconds_to_wait(Config(seconds=90.5), NOW) == 90.5


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("2026-11-25T12:01:00Z", 60),
        ("2026-11-25T14:00:00+01:00", 3600),
        ("2026-11-25T12:00:30", 30),
        ("2026-11-25", 0),
        ("2020-01-01T00:00:00Z", 0),
    ],
)
def test_a_moment_is_waited_for_and_none_that_has_passed(until: str, seconds: float) -> None:
    assert seconds_to_wait(Config(until=until), NOW) == seconds


@pytest.mark.parametrize("until", ["tomorrow", "25.11.2026", "2099-01-01T00:00:00Z"])
def test_what_is_no_moment_or_too_far_away_says_so(until: str) -> None:
    with pytest.raises(NodeError) as caught:
        seconds_to_wait(Config(until=until), NOW)
    assert (caught.value.code, caught.value.field) == ("config_invalid", "until")


@pytest.mark.parametrize("config", [{}, {"seconds": 1, "until": "2027-01-01"}, {"seconds": -1}])
def test_one_of_seconds_and_until_is_wanted(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(config)
