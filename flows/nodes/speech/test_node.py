"""The speech node stores what a model said."""

import pytest

from flows.engine.doors.media import Made
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.tests.support import FakeContext, perform

CONFIG = {"model": "openai/gpt-4o-mini-tts", "text": "Hello {{ name }}"}


def test_the_sound_is_stored_as_a_file() -> None:
    world = FakeContext(node_id="greeting")
    sound = b"ID3\x04" + b"\0" * 60
    world.media.made = [Made(sound, "audio/mpeg", ModelUsage(), "openai/gpt-4o-mini-tts")]
    output = perform("speech", CONFIG, world, {"name": "{{ x }}"}).output
    assert (output["file"]["name"], output["file"]["size"]) == ("greeting.mp3", len(sound))
    assert world.media.asked[0]["text"] == "Hello {{ x }}"


@pytest.mark.parametrize("text", [" ", "x" * 4_097])
def test_texts_that_cannot_be_said_say_so(text: str) -> None:
    with pytest.raises(NodeError) as caught:
        perform("speech", {**CONFIG, "text": text}, FakeContext())
    assert (caught.value.code, caught.value.field) == ("config_invalid", "text")
