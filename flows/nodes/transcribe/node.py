"""What is said in a recording."""

from typing import Any

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.doors.media import Recording
from flows.engine.errors import NodeError
from flows.engine.model_config import full_model_name
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults

#: Bytes of a recording; what providers take.
MAX_BYTES = 25_000_000


class Config(NodeConfig):
    model: Text = full_model_name("As in openai/gpt-4o-transcribe.", "transcription")
    file: Any = Field(
        title="File",
        description="The recording: a file input, or a file that another node made.",
        json_schema_extra={"widget": "expression"},
    )
    language: Text = Field(
        default="",
        title="Language",
        description="Two letters, as in de; empty: found out.",
        pattern=r"^$|^[a-z]{2}$",
    )
    prompt: Text = Field(
        default="",
        title="Prompt",
        description="Names and words that occur, which helps to write them right.",
        max_length=4_000,
        json_schema_extra={"widget": "text"},
    )


async def run(config: Config, ctx: Context) -> Result:
    """Have it heard. Raises NodeError."""
    file, content = await ctx.files.read(config.file, max_bytes=MAX_BYTES)
    if not file.media_type.startswith(("audio/", "video/")):
        message = f"'{file.name}' ({file.media_type}) is no recording; give sound or a video."
        raise NodeError("file_unfit", message, field="file")
    recording = Recording(file.name, file.media_type, content)
    heard = await ctx.media.transcribe(
        config.model, recording, language=config.language, prompt=config.prompt
    )
    return Result({"text": heard.text, "model": heard.model, "usage": heard.usage.as_dict()})


NODE = NodeType(
    type="transcribe",
    title="Transcribe",
    summary="Has a model write down what is said in a recording.",
    category="ai",
    icon="mic",
    config=Config,
    io=run,
    queue="model",
    outputs={"text": "text", "model": "text", "usage": "object"},
    timeout_seconds=300,
    retry=RetryDefaults(max_attempts=3, initial_seconds=2, backoff=2, max_seconds=30),
)
