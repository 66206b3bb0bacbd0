"""Variables of Dify: selectors, `{{#node.field#}}` in texts, Jinja in templates."""

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, TemplateSyntaxError

from flows.engine.expressions import compile_check
from flows.importing.code import Code, Untranslatable, braced, guarded, unwritten
from flows.importing.draft import Draft
from flows.importing.source import listing, words
from flows.importing.steps import Step

JSON = Any
_SYSTEM = {
    "conversation_id": "run.session_id", "workflow_run_id": "run.id", "workflow_id": "run.flow",
    "app_id": "run.flow", "timestamp": "run.started_at",
}  # fmt: skip
_environment = Environment(autoescape=False)


def selected(step: Step, selector: JSON) -> Code:
    """What a selector means where the step is. Raises Untranslatable."""
    keys = [words(key) for key in listing(selector)]
    if len(keys) < 2:
        raise Untranslatable("no variable is chosen")
    return _selected(step, step.draft, keys)


def _selected(step: Step, draft: Draft, keys: Sequence[str]) -> Code:
    begin, name = keys[0], keys[1]
    facts = draft.flow.facts
    if begin == "sys":
        if name in _SYSTEM:
            return Code(_SYSTEM[name])
        if name in ("query", "files") and facts.get("start"):
            return draft.read(step.source.id, facts["start"], [name])
        raise Untranslatable(f"'sys.{name}' has no like here")
    if begin == "env":
        return Code("vars").get(name)
    if begin == "conversation":
        code: Code = facts["variables"].read(draft, step.source.id, name)
        return code
    if begin not in draft.flow.nodes:
        raise Untranslatable(f"there is no node '{begin}' in the file")
    if begin in facts["loops"]:
        return _of_loop(step, draft, begin, keys[1:])
    inside = begin in facts["maps"] and _is_inside(draft, step.source.id, begin)
    if inside and name in ("item", "index"):
        return _of_map(step, draft, begin, name, keys[2:])
    found = draft.read(step.source.id, begin, keys[1:])
    known = step.source.id.startswith("@") or begin in draft.ancestors(step.source.id)
    return found if known else guarded(found)


def _is_inside(draft: Draft, node: str, head: str) -> bool:
    box = draft.boxes.get(node)
    return box is not None and any(around.head == head for around in box.chain())


def _of_map(step: Step, draft: Draft, head: str, name: str, more: Sequence[str]) -> Code:
    first = draft.boxes.get(step.source.id)
    inner = first is not None and first.head == head
    code = Code(name if inner else f"{draft.ids[head]}.{name}")
    for key in more:
        code = code.get(key)
    return code


def _of_loop(step: Step, draft: Draft, head: str, keys: Sequence[str]) -> Code:
    variables = draft.flow.facts["loops"][head]
    if _is_inside(draft, step.source.id, head):
        code: Code = variables.read(draft, step.source.id, keys[0])
    elif keys[0] == "loop_round":
        return Code(f"{draft.ids[head]}.iterations")
    else:
        code = draft.reach(step.source.id, head, draft.ids[head]).get("state").get(keys[0])
    for key in keys[1:]:
        code = code.get(key)
    return code


def parts(text: str, step: Step) -> list[str | Code]:
    """Text and variables in turn. Other braces mean nothing."""
    made: list[str | Code] = []
    position = 0
    while (start := text.find("{{#", position)) >= 0:
        end = text.find("#}}", start)
        if end < 0:
            break
        made.append(text[position:start])
        made.append(variable(text[start + 3 : end], step))
        position = end + 3
    made.append(text[position:])
    return [part for part in made if part != ""]


def variable(source: str, step: Step) -> Code:
    """`node.field`, or what stands in its place."""
    name = source.strip()
    if name == "context" and (context := step.config.get("context")):
        try:
            return _context(step, context.get("variable_selector"))
        except (Untranslatable, AttributeError) as error:
            return step.failed("{{#context#}}", str(error))
    if name == "histories":
        return step.failed("{{#histories#}}", "'memory' shows earlier messages to the model")
    try:
        return _selected(step, step.draft, [*name.split("."), ""][: max(2, name.count(".") + 1)])
    except Untranslatable as error:
        return step.failed("{{#" + source + "#}}", str(error))


def _context(step: Step, selector: JSON) -> Code:
    """The context of a model: of a search its text with marks, else the variable itself."""
    keys = [words(key) for key in listing(selector)]
    node = step.draft.flow.nodes.get(keys[0]) if keys else None
    if node is not None and node.type == "knowledge-retrieval" and keys[1:] == ["result"]:
        made = step.draft.made.get(node.id)
        if made is not None and ("@text",) in made.shape.fields:
            return selected(step, [node.id, "@text"])
    return selected(step, selector)


def template(source: str, names: dict[str, Code], step: Step) -> str:
    """A Jinja template with its variables replaced by what they mean here."""
    try:
        made = _renamed(source, names)
        error = compile_check(made, template=True)
        if error is None:
            return made
        reason = str(error)
    except (TemplateSyntaxError, Untranslatable) as wrong:
        reason = str(wrong)
    step.failed(source, reason)
    return braced(unwritten(source))


def _renamed(source: str, names: dict[str, Code]) -> str:
    made = ""
    before, local = "", set[str]()
    target = False
    tokens = list(_environment.lex(source))
    for at, (_, kind, text) in enumerate(tokens):
        if kind == "name":
            following = next((t for _, k, t in tokens[at + 1 :] if k != "whitespace"), "")
            if text == "for" and before == "{%":
                target = True
            elif text == "in" and target:
                target = False
            elif target:
                local.add(text)
            elif text == "set" and before == "{%":
                raise Untranslatable("'set' is not available in templates here")
            elif before not in (".", "|") and following != "=" and text not in local:
                code = names.get(text)
                text = code.safe if code is not None else text
        if kind != "whitespace":
            before = text if kind == "name" else text.strip("-+ ")
        made += text
    return made
