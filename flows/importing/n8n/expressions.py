"""Expressions of n8n: texts that begin with '=', with JavaScript in double braces."""

from collections.abc import Sequence

from flows.importing.code import Code, Untranslatable
from flows.importing.js import Link, Translator
from flows.importing.js_parser import Call, Constant, Name, Tree
from flows.importing.steps import Step

_RUN = {
    ("$execution", "id"): "run.id",
    ("$workflow", "name"): "run.flow",
    ("$workflow", "id"): "run.flow",
    ("$execution", "mode"): "run.trigger",
}
_OF_ITEM = ("item", "itemMatching", "first", "last")
_UNKNOWN = (
    "$binary",
    "$parameter",
    "$prevNode",
    "$secrets",
    "$jmespath",
    "$fromAI",
    "$getWorkflowStaticData",
)


def parts(text: str, step: Step) -> list[str | Code]:
    """Text and translated expressions in turn; what cannot be translated is said to the step."""
    if not text.startswith("="):
        return [text]
    made: list[str | Code] = []
    position = 1
    while (start := text.find("{{", position)) >= 0:
        end = text.find("}}", start + 2)
        if end < 0:
            break
        # Braces of objects may close right before those of the expression.
        while (
            text[start:end].count("{") - 2 > text[start:end].count("}")
            and text[end : end + 3] == "}}}"
        ):
            end += 1
        made.append(text[position:start])
        made.append(expression(text[start + 2 : end], step))
        position = end + 2
    made.append(text[position:])
    return [part for part in made if part != ""]


def expression(source: str, step: Step) -> Code:
    """One expression, or what stands in its place."""
    roots = Roots(step)
    try:
        code = Translator(roots).source(source)
    except Untranslatable as error:
        return step.failed("{{" + source + "}}", str(error))
    for message in roots.said:
        step.changed(message)
    return code


class Roots:
    """What the names of n8n mean at one node; `said` collects what means not quite the same."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.said: list[str] = []

    def __call__(self, start: Tree, links: list[Link]) -> tuple[Code, int] | None:
        if isinstance(start, Call) and isinstance(start.function, Name):
            if start.function.name == "$":
                return self._of_node(_constant(start.arguments), links)
            if start.function.name == "$items":
                name = _constant(start.arguments)
                return self._item(name, [Link(Constant("item")), *links[1:]])
            if start.function.name == "$if":
                raise Untranslatable("'$if' has no like here")
            return None
        if not isinstance(start, Name):
            return None
        name = start.name
        if name == "$json":
            keys = _keys(links)
            return self.step.draft.carried(self.step.source.id, keys), len(keys)
        if name == "$input":
            return self._item(None, links)
        if name == "$node":
            return self._of_node(links[0].name if links else "", links[1:], 1)
        return self._simple(name, links)

    def _simple(self, name: str, links: list[Link]) -> tuple[Code, int] | None:
        key = links[0].name if links else ""
        if name == "$vars":
            return Code("vars"), 0
        if name == "$env":
            self.said.append(f"The environment variable {key} is read as a workspace variable.")
            return Code("vars"), 0
        if name in ("$now", "$today"):
            self.said.append(f"{name} is the moment at which the run started.")
            return Code("run.started_at"), 0
        if (name, key) in _RUN:
            return Code(_RUN[name, key]), 1
        if name in ("$itemIndex", "$runIndex"):
            if self.step.draft.boxes.get(self.step.source.id) is None:
                return Code("0", kind="number"), 0
            return Code("index", kind="number"), 0
        if name in _UNKNOWN or name.startswith("$"):
            raise Untranslatable(f"'{name}' has no like here")
        return None

    def _of_node(self, name: str, links: list[Link], before: int = 0) -> tuple[Code, int]:
        node = self.step.draft.flow.facts["names"].get(name)
        if node is None:
            raise Untranslatable(f"there is no node '{name[:60]}' in the file")
        code, used = self._item(node, links)
        return code, used + before

    def _item(self, node: str | None, links: list[Link]) -> tuple[Code, int]:
        """`.item.json.a`, `.first().json.a`, `.json.a` of a node, or of what arrives."""
        used = 0
        word = links[0].name if links else ""
        if word == "all":
            raise Untranslatable("'all()' gives items in a form that is not used here")
        if word in _OF_ITEM:
            used = 1
        if word in ("first", "last"):
            self.said.append(f"'{word}()' reads the one value that the node gives here.")
        if used >= len(links) or links[used].name != "json":
            raise Untranslatable("only the data ('json') of an item can be read")
        keys = _keys(links[used + 1 :])
        return self._read(node, keys), used + 1 + len(keys)

    def _read(self, node: str | None, keys: Sequence[str]) -> Code:
        draft, here = self.step.draft, self.step.source.id
        if node is None:
            return draft.carried(here, keys)
        if node == here:
            raise Untranslatable("a node cannot read itself")
        return draft.read(here, node, keys)


def _constant(arguments: Sequence[Tree]) -> str:
    first = arguments[0] if arguments else None
    if isinstance(first, Constant) and isinstance(first.value, str):
        return first.value
    raise Untranslatable("the name of a node has to be a fixed text")


def _keys(links: list[Link]) -> list[str]:
    """The keys at the beginning of a chain, as far as they are fixed."""
    keys: list[str] = []
    for at, link in enumerate(links):
        fixed = isinstance(link.key, Constant) and link.arguments is None and not link.optional
        last = at + 1 == len(links) or links[at + 1].arguments is not None
        if not fixed or (link.name == "length" and last):
            break
        keys.append(str(link.key.value))  # type: ignore[union-attr]
    return keys
