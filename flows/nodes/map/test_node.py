"""What a map's settings take; what it does is tested with the engine."""

import pytest
from pydantic import ValidationError

from flows.nodes.map.node import Config


def test_a_map_works_on_ten_items_at_a_time_unless_told_otherwise() -> None:
    config = Config(items=[1])
    assert (config.concurrency, config.on_item_error) == (10, "fail")


@pytest.mark.parametrize("concurrency", [0, 1_001, -1])
def test_a_concurrency_out_of_bounds_is_refused(concurrency: int) -> None:
    with pytest.raises(ValidationError):
        Config(items=[], concurrency=concurrency)


def test_items_have_to_be_given() -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({})
