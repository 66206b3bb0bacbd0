"""What a loop's settings take; what it does is tested with the engine."""

import pytest
from pydantic import ValidationError

from flows.nodes.loop.node import Config


def test_a_loop_ends_after_a_hundred_rounds_unless_told_otherwise() -> None:
    assert Config.model_validate({}).max_iterations == 100


def test_the_condition_is_named_while() -> None:
    assert getattr(Config.model_validate({"while": "{{ state.n < 3 }}"}), "while") == (
        "{{ state.n < 3 }}"
    )


@pytest.mark.parametrize("rounds", [0, 100_001])
def test_a_number_of_rounds_out_of_bounds_is_refused(rounds: int) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"max_iterations": rounds})
