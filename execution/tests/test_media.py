"""Pictures and sound against the scripted server: what is made, booked, and what fails."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from execution import egress
from execution.files.models import File
from execution.models import NodeRun
from execution.providers.base import Login
from execution.providers.media import MediaEndpoints
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from flows.engine.doors.media import Recording
from flows.engine.errors import NodeError
from tests.support.model_media import PIXEL, SOUND
from tests.support.model_server import ModelServer

JSON = Any
TALK = Recording("talk.mp3", "audio/mpeg", SOUND)


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
async def endpoints(server: ModelServer) -> AsyncIterator[MediaEndpoints]:
    server.reset()
    login = Login("sk-canary-0123456789", f"{server.url}/v1", "a test key", trusted=True)
    yield MediaEndpoints("openai", login, read_seconds=1)
    await egress.close_connections()


async def test_pictures_and_sound_are_made_and_heard(endpoints: MediaEndpoints) -> None:
    picture = await endpoints.image("gpt-image-1", "a red fox", size="1024x1024", quality="")
    assert (picture.content, picture.media_type) == (PIXEL, "image/png")
    assert (picture.usage.input_tokens, picture.usage.output_tokens) == (3, 11)
    heard = await endpoints.transcribe("whisper-1", TALK, language="de", prompt="")
    assert (heard.text, heard.model) == ("heard talk.mp3 {{ 1+1 }}", "openai/whisper-1")
    said = await endpoints.speech("tts-1", "Hello", voice="alloy", format="mp3", instructions="")
    assert (said.content, said.media_type) == (SOUND, "audio/mpeg")


@pytest.mark.parametrize("kind", ["image", "transcribe", "speech"])
@pytest.mark.parametrize(
    ("model", "code", "retryable"),
    [
        ("error-429", "model_rate_limited", True),
        ("error-500", "model_unavailable", True),
        ("error-401", "model_auth", False),
        ("refusal", "model_refused", False),
        ("disconnect", "model_unavailable", True),
        ("malformed", "model_bad_answer", True),
        ("hang", "timeout", True),
    ],
)
async def test_each_failure_ends_in_a_clear_state(
    endpoints: MediaEndpoints, kind: str, model: str, code: str, retryable: bool
) -> None:
    asked = {
        "image": lambda: endpoints.image(model, "fox", size="", quality=""),
        "transcribe": lambda: endpoints.transcribe(model, TALK, language="", prompt=""),
        "speech": lambda: endpoints.speech(
            model, "Hi", voice="alloy", format="mp3", instructions=""
        ),
    }
    with pytest.raises(NodeError) as caught:
        await asyncio.wait_for(asked[kind](), 10)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert "canary" not in caught.value.message


@pytest.mark.usefixtures("stack", "models")
def test_a_run_stores_what_was_made_and_books_its_tokens() -> None:
    actor = new_actor()
    model = "openai_compatible/echo"
    nodes = [
        start_node("text"),
        {"id": "cover", "type": "image", "config": {"model": model, "prompt": "{{ start.text }}"}},
        {"id": "talk", "type": "speech", "config": {"model": model, "text": "{{ start.text }}"}},
        {
            "id": "heard",
            "type": "transcribe",
            "config": {"model": model, "file": "{{ talk.file }}"},
        },
        {
            "id": "seen",
            "type": "llm",
            "config": {
                "model": model,
                "prompt": "Look",
                "attachments": ["{{ cover.file }}"],
            },
        },
        output({"heard": "{{ heard.text }}", "file": "{{ cover.file }}", "seen": "{{ seen }}"}),
    ]
    edges = ["start>cover", "start>talk", "talk>heard", "cover>seen", "heard>end", "seen>end"]
    run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "a fox {{ 1 }}"})
    assert run.outputs is not None, run.error
    assert run.outputs["end"]["heard"] == "heard talk.mp3 {{ 1+1 }}"
    assert run.outputs["end"]["seen"]["text"] == "Look"
    stored = File.objects.get(id=run.outputs["end"]["file"]["id"])
    assert (stored.workspace_id, stored.size) == (actor.workspace_id, len(PIXEL))
    row = NodeRun.objects.get(run=run, node="cover")
    assert (row.input_tokens, row.output_tokens, row.model) == (5, 11, model)
