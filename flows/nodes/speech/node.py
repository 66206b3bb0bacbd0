"""A text, spoken by a model."""

from typing import Literal

from pydantic import Field, field_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.model_config import full_model_name
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults

#: Characters of a text; what providers take.
MAX_CHARACTERS = 4_096


class Config(NodeConfig):
    model: Text = full_model_name("As in openai/gpt-4o-mini-tts.", "speech")
    text: Text = Field(
        title="Text",
        description="What is to be said.",
        max_length=MAX_CHARACTERS,
        json_schema_extra={"widget": "text"},
    )
    voice: Text = Field(
        default="alloy",
        title="Voice",
        description="A name that the model knows.",
        min_length=1,
        max_length=100,
    )
    format: Literal["mp3", "wav", "opus", "aac", "flac"] = Field(
        default="mp3", title="Format", description="Of the file."
    )
    instructions: Text = Field(
        default="",
        title="Instructions",
        description="How it is to be said, where the model can be told.",
        max_length=4_000,
        json_schema_extra={"widget": "text"},
    )

    @field_validator("text")
    @classmethod
    def _says_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("the text is empty; give what is to be said")
        return text


async def run(config: Config, ctx: Context) -> Result:
    """Have it said, and store it. Raises NodeError."""
    made = await ctx.media.speech(
        config.model,
        config.text,
        voice=config.voice,
        format=config.format,
        instructions=config.instructions,
    )
    name = f"{ctx.node_id}.{config.format}"
    file = await ctx.files.write(name, made.content, made.media_type)
    return Result({"file": file.as_output(), "model": made.model})


NODE = NodeType(
    type="speech",
    title="Speech",
    summary="Has a model say a text, and stores the sound as a file.",
    category="ai",
    icon="volume-2",
    config=Config,
    io=run,
    queue="model",
    outputs={"file": "file", "model": "text"},
    timeout_seconds=300,
    retry=RetryDefaults(max_attempts=3, initial_seconds=2, backoff=2, max_seconds=30),
)
