"""Variables of Flowise in texts: `{{ question }}`, `{{ $flow.state.x }}`, `{{ nodeId }}`."""

import re
from collections.abc import Sequence
from html.parser import HTMLParser

from flows.importing.code import Code, Untranslatable
from flows.importing.js import Link, Translator
from flows.importing.js_parser import Call, Constant, Name, Tree
from flows.importing.steps import Step

_RUN = {"sessionId": "run.session_id", "chatId": "run.session_id", "chatflowId": "run.flow"}
_EDITOR = re.compile(r"^\s*<(?:p|ul|ol|h[1-6]|pre|blockquote)[ >]|class=\"variable\"")
_BLOCKS = ("p", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote")


class _Words(HTMLParser):
    """The text of what the editor wrote as HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.made = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "br":
            self.made += "\n"
        elif tag == "li":
            self.made += "- "

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.made = self.made.rstrip("\n") + "\n\n"
        elif tag == "li":
            self.made = self.made.rstrip("\n") + "\n"

    def handle_data(self, data: str) -> None:
        self.made += data


def plain_text(text: str) -> str:
    """The text of a field; what its editor wrote as HTML is taken back."""
    if not _EDITOR.search(text):
        return text
    words = _Words()
    words.feed(text)
    words.close()
    return words.made.strip()


def parts(text: str, step: Step) -> list[str | Code]:
    """Text and translated variables in turn."""
    text = plain_text(text)
    made: list[str | Code] = []
    position = 0
    while (start := text.find("{{", position)) >= 0:
        end = text.find("}}", start + 2)
        if end < 0:
            break
        made += [text[position:start], _expression(text[start + 2 : end], step)]
        position = end + 2
    made.append(text[position:])
    return [part for part in made if part != ""]


def _expression(source: str, step: Step) -> Code:
    try:
        return Translator(_Roots(step)).source(source)
    except Untranslatable as error:
        return step.failed("{{" + source + "}}", str(error))


class _Roots:
    def __init__(self, step: Step) -> None:
        self.step = step
        self.draft = step.draft

    def __call__(self, start: Tree, links: list[Link]) -> tuple[Code, int] | None:
        if isinstance(start, Call):
            raise Untranslatable("nothing can be called here")
        if not isinstance(start, Name):
            return None
        name, key = start.name, links[0].name if links else ""
        keys = _keys(links)
        if name in self.draft.flow.nodes:
            return self.draft.read(self.step.source.id, name, keys), len(keys)
        if name == "output" and self.step.source.id in self.draft.made:
            return self.draft.own(self.step.source.id, ["output", *keys]), len(keys)
        if name == "$flow":
            return self._flow(key, links)
        if name == "$iteration":
            return Code("item"), 0
        if name == "$vars":
            return Code("vars"), 0
        if name in ("question", "$form", "$webhook"):
            return self._start(name, keys)
        if name == "current_date_time":
            return Code("run.started_at"), 0
        if name == "loop_count":
            return Code("index"), 0
        raise Untranslatable(f"'{name}' has no like here")

    def _flow(self, key: str, links: list[Link]) -> tuple[Code, int]:
        if key in _RUN:
            return Code(_RUN[key]), 1
        if key == "state" and len(links) > 1 and links[1].name:
            variables = self.draft.flow.facts["variables"]
            return variables.read(self.draft, self.step.source.id, links[1].name), 2
        raise Untranslatable(f"'$flow.{key}' has no like here")

    def _start(self, name: str, keys: Sequence[str]) -> tuple[Code, int]:
        start = self.draft.flow.facts.get("start")
        if start is None:
            raise Untranslatable("the flow has no start")
        if name == "question":
            return self.draft.read(self.step.source.id, start, ["question"]), 0
        code = self.draft.read(self.step.source.id, start, keys)
        return code, len(keys)


def _keys(links: list[Link]) -> list[str]:
    keys: list[str] = []
    for link in links:
        if not isinstance(link.key, Constant) or link.arguments is not None or link.optional:
            break
        if link.name == "length":
            break
        keys.append(str(link.key.value))
    return keys
