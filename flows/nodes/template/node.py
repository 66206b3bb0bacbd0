"""Text from a template with expressions, `{% if %}` and `{% for %}`."""

from pydantic import Field

from flows.engine.config import NodeConfig, Text
from flows.engine.node_type import NodeType, PureInputs, Result


class Config(NodeConfig):
    template: Text = Field(
        title="Template",
        description="Text with {{ expressions }}, {% if %} and {% for %}.",
        json_schema_extra={"evaluate": "template", "widget": "text"},
    )


def run(config: Config, inputs: PureInputs) -> Result:
    return Result({"text": config.template})


NODE = NodeType(
    type="template",
    title="Template",
    summary="Puts values into a text.",
    category="data",
    icon="file-text",
    config=Config,
    pure=run,
    outputs={"text": "text"},
)
