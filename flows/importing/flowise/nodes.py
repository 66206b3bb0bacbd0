"""What the nodes of an Agentflow V2 become."""

import json
from functools import partial
from typing import Any

from flows.engine.model_memory import MOST_TURNS
from flows.importing import conditions
from flows.importing.bodies import json_of
from flows.importing.choosing import classify
from flows.importing.code import Code, braced
from flows.importing.draft import Shape, valid_id
from flows.importing.models import model_name
from flows.importing.naming import turns
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step

JSON = Any
TEXT = Shape(("text",), {("output", "content"): ("text",), ("output",): ("text",)})
JSON_SHAPE = Shape(("text",), {("output", "content"): ("text",), ("output",): ("json",)})
_HTTP = Shape(("json",), {
    ("output", "http", "data"): ("json",), ("output", "http", "status"): ("status",),
    ("output", "http", "headers"): ("headers",), ("output",): ("json",),
})  # fmt: skip
_TYPES = {"string": "string", "number": "number", "boolean": "boolean", "options": "string"}
_TESTS = {
    "equal": "equal", "notEqual": "not_equal", "contains": "contains",
    "notContains": "not_contains", "startsWith": "starts", "endsWith": "ends",
    "isEmpty": "empty", "notEmpty": "not_empty", "smaller": "smaller",
    "smallerEqual": "at_most", "larger": "larger", "largerEqual": "at_least", "regex": "regex",
}  # fmt: skip


def rows(value: JSON) -> list[dict[str, JSON]]:
    """A list of objects, which some versions keep as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return mappings(value)


def start(step: Step) -> None:
    config = step.config
    kind = config.get("startInputType", "chatInput")
    fields: list[dict[str, JSON]] = []
    ours: dict[tuple[str, ...], tuple[str, ...]] = {}
    if kind == "formInput":
        for raw in rows(config.get("formInputTypes")):
            name, number_of = valid_id(words(raw.get("name"), "field")), 1
            while any(field["name"] == name for field in fields):
                number_of += 1
                name = f"{valid_id(words(raw.get('name')))}_{number_of}"
            about = words(raw.get("label"))
            options = [words(one.get("option")) for one in rows(raw.get("addOptions"))]
            if options:
                about += f" (one of: {', '.join(options)})"
            form = {"name": name, "type": _TYPES.get(words(raw.get("type")), "string")}
            fields.append({**form, "description": about[:900]})
            ours[(words(raw.get("name")),)] = (name,)
        step.tell("Make a form trigger for the flow.")
    elif kind == "webhookTrigger":
        fields = [{"name": n, "type": "json", "default": {}} for n in ("body", "query", "headers")]
        step.changed("Make a webhook trigger for the flow, with a secret of its own.")
    else:
        fields = [{"name": "question", "type": "text", "required": True}]
        step.tell("Make a chat trigger for the flow.")
    for raw in rows(config.get("startState")):
        variables = step.draft.flow.facts["variables"]
        variables.initial[words(raw.get("key"))] = step.code(raw.get("value", ""))
    if config.get("startPersistState") is True:
        step.changed("The state begins anew with each run here; it is not kept in the session.")
    step.become("input", {"fields": fields}, shape=Shape(fields=ours))


def _model(step: Step, prefix: str) -> dict[str, JSON]:
    """The settings of a model; its credential is never taken over."""
    config = mapping(step.config.get(f"{prefix}ModelConfig"))
    provider = words(step.config.get(f"{prefix}Model"))
    plain = provider.removeprefix("chat").removeprefix("Chat")
    name = config.get("modelName") or config.get("customModel") or config.get("model")
    model, said = model_name(plain, name)
    step.changed(said)
    made: dict[str, JSON] = {"model": model} if model else {}
    temperature = number(config.get("temperature"))
    if temperature is not None and 0 <= temperature <= 2:
        made["temperature"] = temperature
    tokens = number(config.get("maxTokens") or config.get("maxTokensToSample"))
    return {**made, "max_tokens": int(tokens)} if tokens and tokens >= 1 else made


def question(step: Step, prefix: str) -> dict[str, JSON]:
    system: list[str] = []
    prompt: list[str] = []
    for raw in rows(step.config.get(f"{prefix}Messages")):
        role = words(raw.get("role"), "user")
        (system if role in ("system", "developer") else prompt).append(
            step.text(raw.get("content"))
        )
        if role == "assistant":
            step.changed("An earlier answer that was given as an example stands in the prompt.")
    if own := step.text(step.config.get(f"{prefix}UserMessage")):
        prompt.append(own)
    made = _model(step, prefix)
    if any(system):
        made["system"] = "\n\n".join(system)
    made["prompt"] = "\n\n".join(part for part in prompt if part)
    if not made["prompt"]:
        made["prompt"] = _asked(step)
    return made | _memory(step, prefix)


def _memory(step: Step, prefix: str) -> dict[str, JSON]:
    """The setting `memory`, where earlier messages of the chat are shown to the model."""
    if step.config.get(f"{prefix}EnableMemory") is not True:
        return {}
    kind = words(step.config.get(f"{prefix}MemoryType"), "allMessages")
    size = number(step.config.get(f"{prefix}MemoryWindowSize")) if kind == "windowSize" else None
    step.changed(
        "It remembers what this step was asked and answered in the session, not all of the chat."
    )
    if kind not in ("allMessages", "windowSize"):
        step.changed("Older messages are left out here, not summed up.")
    return {"memory": turns(size, MOST_TURNS)}


def _asked(step: Step) -> str:
    """The question of the chat, which a model without a message of its own is asked."""
    code = step.code("{{ question }}")
    return braced(code)


def llm(step: Step) -> None:
    made = question(step, "llm")
    wanted = rows(step.config.get("llmStructuredOutput"))
    if wanted:
        made["output_schema"] = schema(wanted)
    step.become("llm", made, shape=JSON_SHAPE if wanted else TEXT)
    update_state(step, "llmUpdateState")


def schema(wanted: list[dict[str, JSON]]) -> dict[str, JSON]:
    properties: dict[str, JSON] = {}
    for raw in wanted:
        kind = words(raw.get("type"), "string")
        one: dict[str, JSON] = {"description": words(raw.get("description"))}
        if kind == "enum":
            values = words(raw.get("enumValues")).split(",")
            one |= {"type": "string", "enum": [value.strip() for value in values]}
        elif kind == "stringArray":
            one |= {"type": "array", "items": {"type": "string"}}
        elif kind == "jsonArray":
            one |= {"type": "array", "items": {"type": "object"}}
        else:
            one["type"] = kind if kind in ("string", "number", "boolean") else "string"
        properties[words(raw.get("key"), "value")] = one
    return {"type": "object", "properties": properties, "required": list(properties)}


def update_state(step: Step, key: str) -> None:
    """A step that holds the new values of the flow's state, for those that read it later."""
    changes = rows(step.config.get(key))
    if changes:
        fields = {words(raw.get("key")): step.text(raw.get("value")) for raw in changes}
        name = step.draft.flow.facts["state_ids"][step.source.id]
        step.then("state", "transform", {"fields": {k: v for k, v in fields.items() if k}}, name)


def _compared(step: Step, raw: dict[str, JSON]) -> Code:
    kind = raw.get("type", "string")
    name = _TESTS.get(words(raw.get("operation")), words(raw.get("operation")))
    left, right = step.code(raw.get("value1")), step.code(raw.get("value2"))
    if kind == "number":
        left, right = conditions.as_number(left), conditions.as_number(right)
    elif kind == "boolean":
        left, right = conditions.as_boolean(left), conditions.as_boolean(right)
    elif name in ("equal", "not_equal"):
        left, right = conditions.as_words(left), conditions.as_words(right)
    return conditions.test(name, left, right)


def condition(step: Step) -> None:
    found = rows(step.config.get("conditions"))
    whens = [step.condition(partial(_compared, step, raw), str(raw)) for raw in found]
    if len(whens) == 1:
        step.become("if", {"condition": whens[0]}, exits={"0": "true", "1": "false"})
        return
    cases = [{"name": f"case_{at}", "when": when} for at, when in enumerate(whens)]
    exits = {str(at): f"case_{at}" for at in range(len(whens))}
    step.become("switch", {"cases": cases}, exits={**exits, str(len(whens)): "default"})


def condition_agent(step: Step) -> None:
    config = step.config
    made = _model(step, "conditionAgent")
    if left := [key for key in ("temperature", "max_tokens") if made.pop(key, None) is not None]:
        step.tell(f"Left out, as this type of node chooses it itself: {', '.join(left)}.")
    if instructions := step.text(config.get("conditionAgentInstructions")):
        made["instructions"] = instructions
    made["text"] = step.text(config.get("conditionAgentInput")) or _asked(step)
    found = rows(config.get("conditionAgentScenarios"))
    ways = [(str(at), words(raw.get("scenario"))) for at, raw in enumerate(found)]
    classify(step, made, ways, Shape(("label",), {("output",): ("label",)}))


def http(step: Step) -> None:
    config = step.config
    made: dict[str, JSON] = {"method": words(config.get("method"), "GET")}
    made["url"] = step.text(config.get("url")) or "https://"
    for key, ours in (("headers", "headers"), ("queryParams", "query")):
        pairs = {words(r.get("key")): step.text(r.get("value")) for r in rows(config.get(key))}
        if pairs := {name: value for name, value in pairs.items() if name}:
            made[ours] = pairs
    kind = config.get("bodyType")
    if kind in ("xWwwFormUrlencoded", "formData"):
        made["body"] = {
            words(r.get("key")): step.text(r.get("value")) for r in rows(config.get("body"))
        }
        made["body_type"] = "form"
        if kind == "formData":
            step.changed("The form is sent without parts for files (as form-urlencoded).")
    elif config.get("body") and kind in ("json", "raw"):
        made["body_type"] = "json" if kind == "json" else "text"
        body = step.parts(words(config.get("body")))
        made["body"] = json_of(body) if kind == "json" else step.text(config.get("body"))
    if config.get("responseType") in ("arraybuffer", "base64"):
        step.changed("The answer is read as text; files cannot be taken from an answer yet.")
    if step.source.raw.get("credential"):
        step.changed("Connect its credential again: put the key among the headers as a variable.")
    text = config.get("responseType") == "text"
    step.become(
        "http",
        made,
        shape=Shape(("text",), {("output", "http", "data"): ("text",)}) if text else _HTTP,
    )


def iteration(step: Step) -> None:
    box = step.draft.flow.facts["maps"][step.source.id]
    given = step.code(step.config.get("iterationInput"))
    items = braced(given) if not given.literal else json_of([words(given.value)])
    box.config |= {"items": items, "concurrency": 1}
    step.become("map", box.config, shape=Shape(("items",)))


def human(step: Step) -> None:
    config = step.config
    message = step.text(config.get("humanInputDescription"))
    if config.get("humanInputDescriptionType") == "dynamic":
        step.changed("A model wrote the question there; here the prompt for it is shown instead.")
        message = step.text(config.get("humanInputModelPrompt"))
    made = step.become(
        "approval",
        {"message": message or "Do you want to proceed?"},
        exits={"0": "approved", "1": "rejected", "proceed": "approved", "reject": "rejected"},
        shape=Shape(("comment",)),
    )
    made.last = None


def reply(step: Step) -> None:
    value = step.text(step.config.get("directReplyMessage"))
    if step.draft.boxes.get(step.source.id) is not None:
        step.changed("An answer cannot be given from inside of a loop; its text is kept instead.")
        step.become("transform", {"fields": {"value": value}}, shape=Shape(("value",)))
        return
    step.become("output", {"value": value}, shape=Shape(("value",)))


def subflow(step: Step) -> None:
    name = words(step.config.get("executeFlowSelectedFlow"), "flow")
    step.changed(f"Import the flow '{name[:80]}' too, and choose it here.")
    inputs = {"question": step.text(step.config.get("executeFlowInput"))}
    slug = valid_id(name).replace("_", "-")
    step.become("subflow", {"flow": slug, "inputs": inputs})
    update_state(step, "executeFlowUpdateState")


def back(step: Step) -> None:
    """The way back to an earlier node, where the round of a loop ends."""
    if words(step.config.get("fallbackMessage")):
        step.changed("The message for too many rounds was left out: compare the loop's iterations.")
    step.become("merge", {"mode": "first"})


def note_text(step: Step) -> str:
    return words(step.config.get("note"))
