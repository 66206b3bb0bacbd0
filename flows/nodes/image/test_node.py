"""The image node stores what a model made."""

import pytest

from flows.engine.doors.media import Made
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.tests.support import FakeContext, perform

CONFIG = {"model": "openai/gpt-image-1", "prompt": "A {{ what }}", "size": "1024x1024"}


def test_the_picture_is_stored_as_a_file() -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 8
    world = FakeContext(node_id="cover")
    world.media.made = [Made(png, "image/png", ModelUsage(3, 9), "openai/gpt-image-1")]
    output = perform("image", CONFIG, world, {"what": "{{ fox }}"}).output
    assert (output["file"]["name"], output["file"]["media_type"]) == ("cover.png", "image/png")
    assert output["usage"]["output_tokens"] == 9
    assert world.media.asked[0]["prompt"] == "A {{ fox }}"
    assert world.files.stored[output["file"]["id"]][1] == png


@pytest.mark.parametrize(
    ("change", "field"),
    [({"model": ""}, "model"), ({"prompt": " "}, "prompt"), ({"size": "big"}, "size")],
)
def test_settings_that_cannot_be_say_so(change: dict[str, str], field: str) -> None:
    with pytest.raises(NodeError) as caught:
        perform("image", {**CONFIG, **change}, FakeContext(), {"what": "fox"})
    assert (caught.value.code, caught.value.field) == ("config_invalid", field)
