"""Language models and agents of n8n."""

from typing import Any

from flows.importing.code import braced
from flows.importing.draft import Shape
from flows.importing.models import model_name
from flows.importing.n8n import media
from flows.importing.n8n.parts import limits, memory_of, model_of, schema_of
from flows.importing.n8n.tools import tools_of
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step, missing

JSON = Any
_TEXT = Shape(
    fields={
        ("message", "content"): ("text",), ("content", "0", "text"): ("text",),
        ("content", "parts", "0", "text"): ("text",),
        ("choices", "0", "message", "content"): ("text",), ("content",): ("text",),
        ("output", "0", "content", "0", "text"): ("text",), ("output",): ("text",),
        ("response", "text"): ("text",), ("text",): ("text",), ("usage",): ("usage",),
        ("model",): ("model",), ("finish_reason",): ("finish_reason",),
        ("intermediateSteps",): ("steps",),
    }
)  # fmt: skip
_JSON = Shape(
    fields={
        ("message", "content"): ("json",), ("output",): ("json",), ("text",): ("json",),
        ("intermediateSteps",): ("steps",),
    }
)  # fmt: skip
_PROVIDERS = (("anthropic", "anthropic"), ("gemini", "google"))
_OPERATIONS = ("message", "complete", "response")
_MOST_STEPS = 100


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
    """OpenAI, Anthropic or Gemini as a node of its own: message a model, or make media."""
    config = step.config
    resource, operation = config.get("resource", "text"), config.get("operation", "message")
    if made_media := media.MADE.get((words(resource), words(operation))):
        made_media(step)
        return
    if resource not in ("text", "chat") or operation not in _OPERATIONS:
        missing(step, f"Of this node {resource}/{operation} has no like here. Replace it.")
        return
    kind = step.source.type.lower()
    provider = next((ours for word, ours in _PROVIDERS if word in kind), "openai")
    model, said = model_name(provider, config.get("modelId") or config.get("model"))
    step.changed(said)
    form = config.get("messages") or config.get("responses") or config.get("prompt")
    rows = mappings(mapping(form).get("values") or mapping(form).get("messages"))
    system, prompt = _messages(step, rows, "content")
    options = mapping(config.get("options"))
    own = step.text(options.get("system") or options.get("systemMessage"))
    system = "\n\n".join(p for p in (own, system) if p)
    made = _question(step, model, system, prompt) | limits(options, step)
    if config.get("jsonOutput") is True:
        made["output_schema"] = {"type": "object"}
    more = memory_of(step)
    if tools := tools_of(step):
        more["tools"] = tools
    shape = _JSON if config.get("jsonOutput") is True else _TEXT
    step.become("agent" if tools else "llm", made | more, shape=shape)


def _question(step: Step, model: str, system: str, prompt: str) -> dict[str, JSON]:
    made: dict[str, JSON] = {"prompt": prompt}
    if not prompt.strip():
        made["prompt"] = braced(step.arriving())
        step.changed("It has no prompt of its own: what arrives is asked.")
    if system:
        made["system"] = system
    return {**made, "model": model} if model else made


def _asked(step: Step) -> tuple[dict[str, JSON], Shape]:
    """The settings that a chain and an agent have both, and how the answer is read."""
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
    made = _question(step, "", system, prompt) | model_of(step)
    schema = schema_of(step)
    if schema is None:
        return made, _TEXT
    return {**made, "output_schema": schema}, _JSON


def chain(step: Step) -> None:
    """A chain with a model that is connected with it."""
    made, shape = _asked(step)
    step.become("llm", made, shape=shape)


def agent(step: Step) -> None:
    """An agent with its model, memory and tools."""
    made, shape = _asked(step)
    options = mapping(step.config.get("options"))
    made |= memory_of(step)
    if tools := tools_of(step):
        made["tools"] = tools
    steps = number(options.get("maxIterations"))
    if steps and steps >= 1:
        made["max_steps"] = min(int(steps), _MOST_STEPS)
    step.become("agent", made, shape=shape)
    kind = words(step.config.get("agent"), "toolsAgent")
    if kind not in ("toolsAgent", "openAiFunctionsAgent", "conversationalAgent"):
        step.changed(f"Agents of the kind '{kind[:40]}' work otherwise: here a model calls tools.")
    if options.get("passthroughBinaryImages") is True:
        step.changed("Pictures are not handed on by themselves: name them in 'attachments'.")
