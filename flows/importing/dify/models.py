"""Nodes of Dify that ask a language model."""

from typing import Any

from flows.engine.model_memory import MOST_TURNS
from flows.importing.choosing import classify
from flows.importing.code import Untranslatable, braced
from flows.importing.dify.expressions import selected
from flows.importing.draft import Keys, Shape
from flows.importing.models import model_name
from flows.importing.naming import turns
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step

JSON = Any
_KINDS = {"string": "string", "number": "number", "bool": "boolean", "boolean": "boolean"}


def model(step: Step) -> dict[str, JSON]:
    """Name and limits of the node's model."""
    return named_model(step, mapping(step.config.get("model")))


def named_model(step: Step, given: dict[str, JSON]) -> dict[str, JSON]:
    """Name and limits of a model."""
    provider = words(given.get("provider")).split("/")[-1]
    name, said = model_name(provider, given.get("name") or given.get("model"))
    step.changed(said)
    made: dict[str, JSON] = {"model": name} if name else {}
    limits = mapping(given.get("completion_params"))
    temperature = number(limits.get("temperature"))
    if temperature is not None and 0 <= temperature <= 2:
        made["temperature"] = temperature
    tokens = number(limits.get("max_tokens"))
    if tokens and tokens >= 1:
        made["max_tokens"] = int(tokens)
    left = sorted(set(limits) - {"temperature", "max_tokens", "stop"})
    if left:
        step.changed(f"Left out, as models here do not take it: {', '.join(left)[:200]}.")
    return made


def _without(step: Step, made: dict[str, JSON], *names: str) -> dict[str, JSON]:
    """The settings without those that the type of the node chooses itself."""
    if left := [name for name in names if made.pop(name, None) is not None]:
        step.tell(f"Left out, as this type of node chooses it itself: {', '.join(left)}.")
    return made


def llm(step: Step) -> None:
    config = step.config
    given = config.get("prompt_template")
    raws = mappings(given) if isinstance(given, list) else [{"role": "user", **mapping(given)}]
    system: list[str] = []
    prompt: list[str] = []
    for raw in raws:
        text = raw.get("text")
        if raw.get("edition_type") == "jinja2":
            text = raw.get("jinja2_text") or text
            step.changed("The prompt was a Jinja template: put a template node before it.")
        role = words(raw.get("role"), "user")
        (system if role == "system" else prompt).append(step.text(text))
        if role == "assistant":
            step.changed("An earlier answer that was given as an example stands in the prompt.")
    memory = mapping(config.get("memory"))
    if memory and (asked := words(memory.get("query_prompt_template"), "{{#sys.query#}}")):
        prompt.append(step.text(asked.replace("{{#userinput.files#}}", "").strip()))
    made = model(step) | memory_of(step) | _pictures(step)
    if any(system):
        made["system"] = "\n\n".join(part for part in system if part)
    made["prompt"] = "\n\n".join(part for part in prompt if part)
    if not made["prompt"]:
        # A model here is always asked something; there the system's text may stand alone.
        made["prompt"] = made.pop("system", "") or "Answer."
    fields: dict[tuple[str, ...], tuple[str, ...]] = {("structured_output",): ("json",)}
    schema = mapping(mapping(config.get("structured_output")).get("schema"))
    if config.get("structured_output_enabled") is True and schema:
        made["output_schema"] = schema
    step.become("llm", made, shape=Shape(fields=fields))


def memory_of(step: Step) -> dict[str, JSON]:
    """The setting `memory`, where the node is shown earlier messages of the chat."""
    given = mapping(step.config.get("memory"))
    if not given:
        return {}
    window = mapping(given.get("window"))
    size = number(window.get("size")) if window.get("enabled") is True else None
    step.changed(
        "It remembers what this step was asked and answered in the session, not all of the chat."
    )
    return {"memory": turns(size, MOST_TURNS)}


def _pictures(step: Step) -> dict[str, JSON]:
    """Files that the model sees: those of a variable."""
    vision = mapping(step.config.get("vision"))
    if vision.get("enabled") is not True:
        return {}
    selector = mapping(vision.get("configs")).get("variable_selector")
    if not selector or selector == ["sys", "files"]:
        step.changed(
            "Files of a chat's messages are not given to the model: name a file among its "
            "'attachments'."
        )
        return {}
    return {"attachments": [_asked(step, selector)]}


def classifier(step: Step) -> None:
    config = step.config
    made = _without(step, model(step), "temperature", "max_tokens")
    made["text"] = _asked(step, config.get("query_variable_selector"))
    if instructions := step.text(config.get("instruction") or config.get("instructions")):
        made["instructions"] = instructions
    ways = [
        (words(raw.get("id")), step.text(raw.get("name")))
        for raw in mappings(config.get("classes"))
    ]
    fields: dict[Keys, Keys] = {("class_name",): ("label",), ("class_label",): ("label",)}
    classify(step, made, ways, Shape(fields={**fields, ("usage",): ("usage",)}))
    if config.get("memory"):
        step.changed("Earlier messages of the chat are not shown to the model that sorts.")


def extractor(step: Step) -> None:
    config = step.config
    properties: dict[str, JSON] = {}
    fields: dict[tuple[str, ...], tuple[str, ...]] = {("__usage",): ("usage",)}
    required = []
    for raw in mappings(config.get("parameters")):
        name, kind = words(raw.get("name")), words(raw.get("type"), "string")
        one: dict[str, JSON] = {"description": words(raw.get("description"))}
        if kind.startswith("array"):
            inner = kind.partition("[")[2].rstrip("]")
            one |= {"type": "array", "items": {"type": _KINDS.get(inner, "object")}}
        else:
            one["type"] = _KINDS.get(kind, "string")
        if options := raw.get("options"):
            one["enum"] = options
        properties[name] = one
        fields[(name,)] = ("json", name)
        required += [name] if raw.get("required") is True else []
    made = _without(step, model(step), "temperature")
    if instructions := step.text(config.get("instruction")):
        made["instructions"] = instructions
    made["text"] = _asked(step, config.get("query"))
    made["schema"] = {"type": "object", "properties": properties, "required": required}
    step.become("extract", made, shape=Shape(fields=fields))
    if config.get("memory"):
        step.changed("Earlier messages of the chat are not shown to the model here.")


def _asked(step: Step, selector: JSON) -> str:
    try:
        return braced(selected(step, selector))
    except Untranslatable as error:
        return braced(step.failed(str(selector), str(error)))
