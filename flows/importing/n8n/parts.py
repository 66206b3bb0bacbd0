"""What is connected with a node of n8n as a part of it: models, parsers, memories.

The node that has parts asks for them here and so says what became of each; rows of the parts
themselves are made afterwards, by `part`.
"""

from dataclasses import dataclass, field
from typing import Any

from flows.engine.model_memory import MOST_TURNS
from flows.importing.bodies import json_of
from flows.importing.draft import Draft
from flows.importing.models import model_name
from flows.importing.n8n.reading import short
from flows.importing.naming import turns
from flows.importing.result import Status
from flows.importing.source import SourceNode, mapping, number, words
from flows.importing.steps import Step

JSON = Any
#: Types of connected parts that are models → the provider's name.
MODELS = {
    "lmChatOpenAi": "openai", "lmOpenAi": "openai", "lmChatAnthropic": "anthropic",
    "lmChatGoogleGemini": "google", "lmChatOllama": "ollama", "lmChatGroq": "groq",
    "lmChatMistralCloud": "mistral", "lmChatAzureOpenAi": "azure", "lmChatAwsBedrock": "bedrock",
    "lmChatDeepSeek": "deepseek", "lmChatOpenRouter": "openrouter", "lmChatXAiGrok": "xai",
}  # fmt: skip
#: Types of connected memories that keep the last turns of a session.
MEMORIES = (
    *("memoryBufferWindow", "memoryPostgresChat", "memoryRedisChat", "memoryMongoDbChat"),
    *("memoryXata", "memoryZep"),
)
_PARSERS = ("outputParserStructured", "outputParserAutofixing")
_MAX_FALLBACKS = 5


@dataclass
class Taken:
    """What became of a part."""

    status: Status
    messages: list[str]
    owners: list[str] = field(default_factory=list)


def parts_of(draft: Draft, owner: str, kind: str) -> list[SourceNode]:
    """The parts of one kind (as ai_tool) that are switched on."""
    found = [name for what, name in draft.flow.facts["parts"].get(owner, []) if what == kind]
    nodes = [draft.flow.nodes[name] for name in dict.fromkeys(found)]
    return [node for node in nodes if not node.disabled]


def inside(step: Step, part: SourceNode) -> Step:
    """A step for the settings of a part: what it reads is read where its owner is."""
    own = step.source
    source = SourceNode(own.id, part.name, part.type, part.config, part.x, part.y, raw=part.raw)
    made = Step(step.draft, source, step.dialect)
    made.status, made.messages = "mapped", []
    return made


def took(step: Step, part: SourceNode, inner: Step) -> None:
    """Note that a part became a part of the step's node."""
    taken: dict[str, Taken] = step.draft.flow.facts.setdefault("taken", {})
    one = taken.setdefault(part.id, Taken(inner.status, list(inner.messages)))
    one.owners.append(step.source.id)


def model_of(step: Step, *, without: tuple[str, ...] = ()) -> dict[str, JSON]:
    """Name and limits of the connected model; further ones are asked where it fails.

    `without`: limits that the type of the node chooses itself.
    """
    made: dict[str, JSON] = {}
    others: list[str] = []
    for at, part in enumerate(parts_of(step.draft, step.source.id, "ai_languageModel")):
        inner = inside(step, part)
        chosen = part.config.get("model") or part.config.get("modelName")
        name, said = model_name(MODELS.get(short(part.type), short(part.type)), chosen)
        inner.changed(said)
        if at == 0:
            made |= {"model": name} if name else {}
            made |= limits(mapping(part.config.get("options")), inner)
            if left := [key for key in without if made.pop(key, None) is not None]:
                inner.tell(f"Left out, as the node chooses it itself: {', '.join(left)}.")
        elif name:
            others.append(name)
        took(step, part, inner)
    return {**made, "fallback_models": others[:_MAX_FALLBACKS]} if others else made


def limits(config: dict[str, JSON], step: Step) -> dict[str, JSON]:
    """Temperature and length of a model's options."""
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


def schema_of(step: Step) -> dict[str, JSON] | None:
    """The schema of a connected parser."""
    owner = step.source.id
    for part in parts_of(step.draft, owner, "ai_outputParser"):
        if short(part.type) not in _PARSERS:
            continue
        inner = inside(step, part)
        # A parser that repairs answers has the one with the schema as a part of its own.
        nested = parts_of(step.draft, part.id, "ai_outputParser")
        for one in (*nested, *parts_of(step.draft, part.id, "ai_languageModel")):
            took(step, one, inner)
        took(step, part, inner)
        return schema((nested[0] if nested else part).config)
    return None


def schema(config: Any) -> dict[str, JSON]:
    """A JSON Schema, or one made of an example."""
    example = json_of([words(config.get("jsonSchemaExample"))])
    given = json_of([words(config.get("inputSchema") or config.get("jsonSchema"))])
    if isinstance(given, dict) and given.get("type") == "object":
        return given
    if isinstance(example, dict):
        kinds = {str: "string", bool: "boolean", int: "number", float: "number", list: "array"}
        properties = {k: {"type": kinds.get(type(v), "object")} for k, v in example.items()}
        return {"type": "object", "properties": properties}
    return {"type": "object"}


def memory_of(step: Step) -> dict[str, JSON]:
    """The setting `memory` of a connected memory."""
    for part in parts_of(step.draft, step.source.id, "ai_memory"):
        if short(part.type) not in MEMORIES:
            continue
        inner = inside(step, part)
        if short(part.type) != "memoryBufferWindow":
            inner.changed("What was said is kept here, not in the database of its own.")
        if part.config.get("sessionIdType") == "customKey":
            inner.changed("The session is that of the run: start runs with its 'session_id'.")
        inner.tell("It remembers in runs that have a session: chats have one.")
        took(step, part, inner)
        return {"memory": turns(number(part.config.get("contextWindowLength")), 5)}
    return {}


def part(step: Step) -> None:
    """A model, memory or tool that is connected with another node: no step of its own."""
    facts = step.draft.flow.facts
    taken: Taken | None = facts.get("taken", {}).get(step.source.id)
    owners = facts["owners"].get(step.source.id, [])
    names = [step.draft.flow.nodes[owner].name for owner in owners]
    if taken is not None:
        step.status = taken.status
        for owner in dict.fromkeys(taken.owners):
            step.fold(step.draft.flow.nodes[owner].name)
            step.nodes.append(step.draft.ids[owner])
        for message in taken.messages:
            step.tell(message)
        return
    step.status = "unsupported"
    of = f"'{names[0]}'" if names else "the flow"
    step.tell(f"It is left out of {of}: {_why(step)}")
    step.note(
        f"**{step.label}** ({step.source.type}) was connected with {of}. It is not taken over."
    )


def _why(step: Step) -> str:
    name = short(step.source.type)
    if step.source.disabled:
        return "it is switched off in the file."
    if "vectorStore" in name or "VectorStore" in name or "etriever" in name:
        return "make a flow with a node of the type 'knowledge', and give it to an agent as a tool."
    if "agent" in name.lower():
        return "make a flow of that agent, and give it as a tool."
    if "emory" in name:
        return f"a memory here is the setting 'memory', of at most {MOST_TURNS} turns."
    return "tools here are flows, HTTP requests and MCP servers; make one of them for it."
