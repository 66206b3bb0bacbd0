"""The transcribe node hands on what a model heard."""

import pytest

from flows.engine.doors.media import Transcript
from flows.engine.errors import NodeError
from flows.engine.model_usage import ModelUsage
from flows.engine.tests.support import FakeContext, perform

CONFIG = {"model": "openai/whisper-1", "file": "{{ sound }}", "language": "de"}


def test_what_was_heard_is_data() -> None:
    world = FakeContext()
    world.media.made = [Transcript("{{ 1+1 }}", ModelUsage(5, 2), "openai/whisper-1")]
    sound = {"file": world.files.add("talk.mp3", b"ID3\x04" + b"\0" * 60)}
    output = perform("transcribe", CONFIG, world, {"sound": sound}).output
    assert (output["text"], output["usage"]["input_tokens"]) == ("{{ 1+1 }}", 5)
    asked = world.media.asked[0]
    assert (asked["recording"].name, asked["language"]) == ("talk.mp3", "de")


def test_what_is_no_recording_says_so() -> None:
    world = FakeContext()
    with pytest.raises(NodeError) as caught:
        perform("transcribe", CONFIG, world, {"sound": world.files.add("a.txt", b"text")})
    assert (caught.value.code, caught.value.field) == ("file_unfit", "file")


def test_a_file_that_is_gone_or_too_large_says_so() -> None:
    world = FakeContext()
    with pytest.raises(NodeError) as caught:
        perform("transcribe", CONFIG, world, {"sound": {"file": "gone"}})
    assert caught.value.code == "file_missing"
    large = world.files.add("talk.mp3", b"ID3\x04" + b"\0" * 25_000_000)
    with pytest.raises(NodeError) as caught:
        perform("transcribe", CONFIG, world, {"sound": large})
    assert caught.value.code == "file_too_large"
