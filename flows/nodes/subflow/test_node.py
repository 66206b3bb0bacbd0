"""What a sub-flow's settings take; what it does is tested with the runs."""

import pytest
from pydantic import ValidationError

from flows.nodes.subflow.node import NODE, Config


def test_without_a_version_the_published_one_is_meant() -> None:
    assert Config(flow="triage").version is None
    assert Config.model_validate({"flow": "triage", "version": ""}).version is None


@pytest.mark.parametrize("config", [{}, {"flow": ""}, {"flow": "a", "version": 0}])
def test_a_flow_and_a_real_version_are_wanted(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(config)


def test_its_fields_are_not_known_beforehand() -> None:
    assert NODE.output_fields({"flow": "triage"}) is None
