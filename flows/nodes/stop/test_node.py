"""The stop node ends the run."""

import pytest

from flows.engine.errors import NodeError
from flows.engine.tests.support import call


def test_it_ends_the_run_with_status_and_message() -> None:
    result = call("stop", {"status": "failed", "message": "No {{ a }}"}, {"a": "{{ 1+1 }}"})
    assert result.ends_run == "failed"
    assert result.message == "No {{ 1+1 }}"
    assert result.ports == ()


def test_it_ends_well_unless_told_otherwise() -> None:
    assert call("stop", {}).ends_run == "succeeded"


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(NodeError, match="'status'"):
        call("stop", {"status": "cancelled"})
