"""What each node type of n8n becomes. To support one, add or change its entry here."""

from collections.abc import Sequence
from typing import Any

from flows.importing.code import Code
from flows.importing.n8n import (
    ai,
    conditions,
    data,
    files,
    http,
    parts,
    services,
    sorting,
    summing,
    tools,
    triggers,
)
from flows.importing.n8n.expressions import parts as parts_of_text
from flows.importing.n8n.reading import short
from flows.importing.source import SourceNode, number, words
from flows.importing.steps import Kind, Step, as_note, missing, pass_on

JSON = Any


_TRIGGER = ("input",)
_LLM = ("llm",)
_PART = Kind("mapped", (), parts.part)
_LEFT_OUT = Kind("unsupported", ("note",), parts.part)
_MAIL = Kind("approximated", ("email",), services.mail)
_SQL = Kind("approximated", ("sql",), services.sql)
_STORE = Kind("approximated", ("knowledge",), sorting.store)
_MODEL = Kind("mapped", ("llm", "agent", "image", "speech", "transcribe"), ai.message)
_READ = Kind("mapped", ("file_read", "parse"), files.extract)
_WRITE = Kind("mapped", ("file_write",), files.convert)
_DISK = Kind("approximated", ("input", "transform", "merge"), files.disk)
_HTML = Kind("mapped", ("template", "parse"), files.html)
_SCRIPT = Kind("approximated", ("code",), services.code)
_LIST = ("transform",)
_STORES = (
    *("InMemory", "Pinecone", "Qdrant", "Supabase", "PGVector", "ChromaDB", "Weaviate"),
    *("Milvus", "MongoDBAtlas", "Redis", "Zep"),
)

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
    "openAi": _MODEL,
    "anthropic": _MODEL,
    "googleGemini": _MODEL,
    "chainLlm": Kind("mapped", _LLM, ai.chain),
    "agent": Kind("mapped", ("agent",), ai.agent),
    "textClassifier": Kind("mapped", ("classify",), sorting.text_classifier),
    "sentimentAnalysis": Kind("mapped", ("classify",), sorting.sentiment),
    "informationExtractor": Kind("mapped", ("extract",), sorting.extractor),
    "chainSummarization": Kind("approximated", _LLM, sorting.summary),
    "chainRetrievalQa": Kind("approximated", ("knowledge", "llm"), sorting.question),
    **dict.fromkeys((f"vectorStore{name}" for name in _STORES), _STORE),
    **dict.fromkeys(parts.MODELS, _PART),
    **dict.fromkeys(tools.TOOLS, _PART),
    **dict.fromkeys(("outputParserStructured", "outputParserAutofixing"), _PART),
    **dict.fromkeys(parts.MEMORIES, _PART),
    "retrieverVectorStore": _PART,
    "code": _SCRIPT,
    "function": Kind("unsupported", ("transform", "note"), services.code),
    "functionItem": Kind("unsupported", ("transform", "note"), services.code),
    "emailSend": _MAIL,
    "gmail": _MAIL,
    "microsoftOutlook": _MAIL,
    "postgres": _SQL,
    "mySql": _SQL,
    "summarize": Kind("mapped", ("list", "transform"), summing.summarize),
    "html": _HTML,
    "htmlExtract": _HTML,
    "xml": Kind("approximated", ("parse",), files.xml),
    "readWriteFile": _DISK,
    "readBinaryFile": _DISK,
    "extractFromFile": _READ,
    "spreadsheetFile": Kind("mapped", ("file_read", "file_write"), files.spreadsheet),
    "convertToFile": _WRITE,
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

    def __init__(self, parts: frozenset[str]) -> None:
        self._parts = parts

    def kind(self, node: SourceNode) -> Kind:
        name = short(node.type)
        known = KINDS.get(name)
        if node.id in self._parts:
            return known if known is _PART else _LEFT_OUT
        if node.disabled and name != "stickyNote":
            return _TRIGGERS_OFF if _is_trigger(name) else _OFF
        if known is not None:
            return known
        return _TRIGGERS if _is_trigger(name) else _UNKNOWN

    def parts(self, text: str, step: Step) -> Sequence[str | Code]:
        return parts_of_text(text, step)

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
