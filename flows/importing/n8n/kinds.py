"""What each node type of n8n becomes. To support one, add or change its entry here."""

from collections.abc import Sequence
from typing import Any

from flows.importing.code import Code
from flows.importing.n8n import ai, conditions, data, http, triggers
from flows.importing.n8n.expressions import parts
from flows.importing.n8n.reading import short
from flows.importing.source import SourceNode, number, words
from flows.importing.steps import Kind, Step, as_note, missing, pass_on

JSON = Any


def _later(kind: str) -> Kind:
    return Kind("unsupported", ("transform", "note"), missing, later=kind)


_TRIGGER = ("input",)
_LLM = ("llm",)
_PART = Kind("mapped", (), ai.part)
_LIST = ("transform",)

KINDS: dict[str, Kind] = {
    "manualTrigger": Kind("mapped", _TRIGGER, triggers.manual),
    "start": Kind("mapped", _TRIGGER, triggers.manual),
    "webhook": Kind("mapped", _TRIGGER, triggers.webhook),
    "scheduleTrigger": Kind("approximated", _TRIGGER, triggers.schedule),
    "cron": Kind("approximated", _TRIGGER, triggers.schedule),
    "interval": Kind("approximated", _TRIGGER, triggers.schedule),
    "chatTrigger": Kind("mapped", _TRIGGER, triggers.chat),
    "manualChatTrigger": Kind("mapped", _TRIGGER, triggers.chat),
    "formTrigger": Kind("mapped", _TRIGGER, triggers.form),
    "executeWorkflowTrigger": Kind("mapped", _TRIGGER, triggers.called),
    "httpRequest": Kind("mapped", ("http",), http.request),
    "set": Kind("mapped", ("transform",), data.set_fields),
    "if": Kind("mapped", ("if",), conditions.if_),
    "switch": Kind("mapped", ("switch",), conditions.switch),
    "filter": Kind("mapped", ("if", "transform"), conditions.filter_),
    "merge": Kind("mapped", ("merge",), data.merge),
    "noOp": Kind("mapped", ("merge",), pass_on),
    "splitInBatches": Kind("mapped", ("map",), data.batches),
    "splitOut": Kind("mapped", ("map", "transform"), data.split_out),
    "itemLists": Kind("mapped", ("map", "transform"), data.item_lists),
    "aggregate": Kind("mapped", _LIST, data.aggregate),
    "sort": Kind("mapped", _LIST, data.sort),
    "limit": Kind("mapped", _LIST, data.limit),
    "removeDuplicates": Kind("mapped", _LIST, data.unique),
    "wait": Kind("mapped", ("wait", "approval"), data.wait),
    "executeWorkflow": Kind("approximated", ("subflow",), data.subflow),
    "respondToWebhook": Kind("mapped", ("output",), data.respond),
    "stopAndError": Kind("mapped", ("stop",), data.stop),
    "stickyNote": Kind(
        "mapped", ("note",), as_note(lambda step: words(step.config.get("content")))
    ),
    "openAi": Kind("mapped", _LLM, ai.message),
    "anthropic": Kind("mapped", _LLM, ai.message),
    "chainLlm": Kind("mapped", _LLM, ai.chain),
    "agent": Kind("approximated", _LLM, ai.chain),
    **dict.fromkeys(ai.MODELS, _PART),
    "outputParserStructured": _PART,
    "code": _later("code"),
    "function": _later("code"),
    "functionItem": _later("code"),
    "emailSend": _later("email"),
    "gmail": _later("email"),
    "postgres": _later("sql"),
    "mySql": _later("sql"),
    "summarize": _later("list"),
    "html": _later("parse"),
    "xml": _later("parse"),
    "readWriteFile": _later("file_read"),
    "convertToFile": _later("file_write"),
    "extractFromFile": _later("file_read"),
    "informationExtractor": _later("extract"),
    "textClassifier": _later("classify"),
    "sentimentAnalysis": _later("classify"),
    "chainSummarization": _later("llm"),
    "chainRetrievalQa": _later("knowledge"),
}
_TRIGGERS = Kind("unsupported", _TRIGGER, triggers.other)
_UNKNOWN = Kind("unsupported", ("transform", "note"), missing)
_OFF = Kind(
    "approximated", ("merge",), pass_on, "It is switched off in the file: it only hands on."
)


class N8n:
    """How workflows of n8n are read."""

    product = "n8n"
    title = "n8n"

    def __init__(self, part_of: dict[str, str]) -> None:
        self._part_of = part_of

    def kind(self, node: SourceNode) -> Kind:
        name = short(node.type)
        known = KINDS.get(name)
        if node.id in self._part_of and (known is None or known.make is not ai.part):
            return Kind("unsupported", ("note",), ai.part)
        if node.disabled and name != "stickyNote":
            return _TRIGGERS_OFF if _is_trigger(name) else _OFF
        if known is not None:
            return known
        return _TRIGGERS if _is_trigger(name) else _UNKNOWN

    def parts(self, text: str, step: Step) -> Sequence[str | Code]:
        return parts(text, step)

    def facts(self, node: SourceNode) -> dict[str, JSON]:
        """Retries and what happens on errors."""
        raw = node.raw
        made: dict[str, JSON] = {}
        if raw.get("retryOnFail") is True:
            tries = int(number(raw.get("maxTries")) or 3)
            seconds = (number(raw.get("waitBetweenTries")) or 1000) / 1000
            made["retry"] = {
                "max_attempts": max(1, min(tries, 20)),
                "initial_seconds": max(0, min(seconds, 3600)),
                "backoff": 1,
            }
        how = raw.get("onError")
        if how == "continueErrorOutput":
            made["on_error"] = "branch"
        elif how == "continueRegularOutput" or raw.get("continueOnFail") is True:
            made["on_error"] = "continue"
        return made


_TRIGGERS_OFF = Kind(
    "approximated", _TRIGGER, triggers.manual, "It is switched off in the file: it adds nothing."
)


def _is_trigger(name: str) -> bool:
    known = KINDS.get(name)
    return (known is not None and known.becomes == _TRIGGER) or name.lower().endswith("trigger")
