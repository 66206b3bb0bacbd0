"""Language models of n8n: nodes that ask one, and the parts that are connected with an agent."""

from typing import Any

from flows.importing.bodies import json_of
from flows.importing.code import braced
from flows.importing.draft import Shape
from flows.importing.models import model_name
from flows.importing.n8n.reading import short
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step, missing

JSON = Any
#: Types of connected parts that are models → the provider's name.
MODELS = {
    "lmChatOpenAi": "openai", "lmOpenAi": "openai", "lmChatAnthropic": "anthropic",
    "lmChatGoogleGemini": "google", "lmChatOllama": "ollama", "lmChatGroq": "groq",
    "lmChatMistralCloud": "mistral", "lmChatAzureOpenAi": "azure", "lmChatAwsBedrock": "bedrock",
    "lmChatDeepSeek": "deepseek", "lmChatOpenRouter": "openrouter", "lmChatXAiGrok": "xai",
}  # fmt: skip
_TEXT = Shape(
    fields={
        ("message", "content"): ("text",), ("content", "0", "text"): ("text",),
        ("choices", "0", "message", "content"): ("text",), ("content",): ("text",),
        ("output", "0", "content", "0", "text"): ("text",), ("output",): ("text",),
        ("response", "text"): ("text",), ("text",): ("text",), ("usage",): ("usage",),
        ("model",): ("model",), ("finish_reason",): ("finish_reason",),
    }
)  # fmt: skip
_JSON = Shape(
    fields={("message", "content"): ("json",), ("output",): ("json",), ("text",): ("json",)}
)


def _limits(config: dict[str, JSON], step: Step) -> dict[str, JSON]:
    made: dict[str, JSON] = {}
    temperature = number(config.get("temperature"))
    if temperature is not None and 0 <= temperature <= 2:
        made["temperature"] = temperature
    tokens = number(config.get("maxTokens") or config.get("maxTokensToSample"))
    if tokens and tokens >= 1:
        made["max_tokens"] = int(tokens)
    left = [key for key in ("topP", "frequencyPenalty", "presencePenalty") if key in config]
    if left:
        step.changed(f"Left out, as models here do not take it: {', '.join(left)}.")
    return made


def _messages(step: Step, rows: list[dict[str, JSON]], text: str) -> tuple[str, str]:
    """(system, prompt) of a list of messages; several of one role follow one another."""
    system: list[str] = []
    prompt: list[str] = []
    for raw in rows:
        role = words(raw.get("role") or raw.get("type"), "user").lower()
        content = step.text(raw.get(text))
        (system if "system" in role else prompt).append(content)
        if role in ("assistant", "ai", "model") or role.startswith("ai"):
            step.changed("An earlier answer that was given as an example stands in the prompt.")
    return "\n\n".join(system), "\n\n".join(part for part in prompt if part)


def message(step: Step) -> None:
    """OpenAI or Anthropic as a node of its own: message a model."""
    config = step.config
    resource, operation = config.get("resource", "text"), config.get("operation", "message")
    if resource not in ("text", "chat") or operation not in ("message", "complete", "response"):
        missing(step)
        step.tell(f"Of this node only messages to a model are known, not {resource}/{operation}.")
        return
    provider = "anthropic" if "anthropic" in step.source.type.lower() else "openai"
    model, said = model_name(provider, config.get("modelId") or config.get("model"))
    step.changed(said)
    form = config.get("messages") or config.get("responses") or config.get("prompt")
    rows = mappings(mapping(form).get("values") or mapping(form).get("messages"))
    system, prompt = _messages(step, rows, "content")
    options = mapping(config.get("options"))
    system = "\n\n".join(p for p in (step.text(options.get("system")), system) if p)
    made = _question(step, model, system, prompt) | _limits(options, step)
    if config.get("jsonOutput") is True:
        made["output_schema"] = {"type": "object"}
    step.become("llm", made, shape=_JSON if config.get("jsonOutput") is True else _TEXT)


def _question(step: Step, model: str, system: str, prompt: str) -> dict[str, JSON]:
    made: dict[str, JSON] = {"prompt": prompt}
    if not prompt.strip():
        made["prompt"] = braced(step.arriving())
        step.changed("It has no prompt of its own: what arrives is asked.")
    if system:
        made["system"] = system
    return {**made, "model": model} if model else made


def chain(step: Step) -> None:
    """An agent or a chain with a model that is connected with it."""
    config = step.config
    if config.get("promptType", "define" if config.get("text") else "auto") == "auto":
        prompt = braced(step.arriving("chatInput"))
    else:
        prompt = step.text(config.get("text") or config.get("prompt"))
    options = mapping(config.get("options"))
    rows = mappings(mapping(config.get("messages")).get("messageValues"))
    system, more = _messages(step, rows, "message")
    system = "\n\n".join(p for p in (step.text(options.get("systemMessage")), system) if p)
    prompt = "\n\n".join(p for p in (more, prompt) if p)
    made: dict[str, JSON] = {}
    shape = _TEXT
    model = ""
    for kind_of, name in step.draft.flow.facts["parts"].get(step.source.id, []):
        part = step.draft.flow.nodes[name]
        if kind_of == "ai_languageModel":
            chosen = part.config.get("model") or part.config.get("modelName")
            model, said = model_name(MODELS.get(short(part.type), short(part.type)), chosen)
            step.changed(said)
            made |= _limits(mapping(part.config.get("options")), step)
        elif kind_of == "ai_outputParser":
            made["output_schema"] = _schema(part.config)
            shape = _JSON
        else:
            what = {"ai_tool": "tool", "ai_memory": "memory"}.get(kind_of, "part")
            step.changed(f"The {what} '{part.name[:60]}' was left out: agents come later.")
    step.become("llm", {**_question(step, model, system, prompt), **made}, shape=shape)
    if short(step.source.type) == "agent":
        step.changed("It is asked once, without tools: replace it when there is the type 'agent'.")


def _schema(config: Any) -> dict[str, JSON]:
    example = json_of([words(config.get("jsonSchemaExample"))])
    given = json_of([words(config.get("inputSchema") or config.get("jsonSchema"))])
    if isinstance(given, dict) and given.get("type") == "object":
        return given
    if isinstance(example, dict):
        kinds = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}
        properties = {k: {"type": kinds.get(type(v), "object")} for k, v in example.items()}
        return {"type": "object", "properties": properties}
    return {"type": "object"}


def part(step: Step) -> None:
    """A model, memory or tool that is connected with another node: no step of its own."""
    owner = step.draft.flow.facts["part_of"].get(step.source.id)
    name = step.draft.flow.nodes[owner].name if owner else ""
    if owner and (short(step.source.type) in MODELS or "outputParser" in step.source.type):
        step.status = "mapped"
        step.fold(name)
        step.nodes.append(step.draft.ids[owner])
        return
    step.status = "unsupported"
    step.tell(f"It is left out of '{name}': there is no agent with tools or memory yet.")
    step.note(
        f"**{step.label}** ({step.source.type}) was connected with '{name}'. It has to be added "
        "when there is the type 'agent'."
    )
