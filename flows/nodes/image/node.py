"""A picture, made by a model."""

from typing import Literal

from pydantic import Field, field_validator

from flows.engine.config import NodeConfig, Text
from flows.engine.model_config import full_model_name
from flows.engine.node_type import Context, NodeType, Result, RetryDefaults


class Config(NodeConfig):
    model: Text = full_model_name("As in openai/gpt-image-1.", "image")
    prompt: Text = Field(
        title="Prompt",
        description="What is to be seen.",
        max_length=32_000,
        json_schema_extra={"widget": "text"},
    )
    size: Text = Field(
        default="",
        title="Size",
        description="Width x height in pixels, as the model offers them; empty: as it likes.",
        pattern=r"^$|^auto$|^\d{2,4}x\d{2,4}$",
    )
    quality: Literal["", "low", "medium", "high", "standard", "hd"] = Field(
        default="", title="Quality", description="As the model offers it; empty: as it likes."
    )

    @field_validator("prompt")
    @classmethod
    def _says_something(cls, prompt: str) -> str:
        if not prompt.strip():
            raise ValueError("the prompt is empty; say what is to be seen")
        return prompt


async def run(config: Config, ctx: Context) -> Result:
    """Have it made, and store it. Raises NodeError."""
    made = await ctx.media.image(
        config.model, config.prompt, size=config.size, quality=config.quality
    )
    name = f"{ctx.node_id}.{made.media_type.partition('/')[2]}"
    file = await ctx.files.write(name, made.content, made.media_type)
    return Result({"file": file.as_output(), "model": made.model, "usage": made.usage.as_dict()})


NODE = NodeType(
    type="image",
    title="Image",
    summary="Has a model make a picture, and stores it as a file.",
    category="ai",
    icon="image",
    config=Config,
    io=run,
    queue="model",
    outputs={"file": "file", "model": "text", "usage": "object"},
    timeout_seconds=300,
    retry=RetryDefaults(max_attempts=3, initial_seconds=2, backoff=2, max_seconds=30),
)
