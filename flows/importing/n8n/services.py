"""Code, mail and databases of n8n."""

import re
from typing import Any

from flows.importing import python
from flows.importing.code import Code, Untranslatable, as_text, braced
from flows.importing.draft import Keys, Shape
from flows.importing.n8n.conditions import list_before
from flows.importing.n8n.files import file_of
from flows.importing.n8n.planning import tell_of_items
from flows.importing.n8n.reading import short
from flows.importing.naming import credential
from flows.importing.source import listing, mapping, mappings, words
from flows.importing.steps import Step, missing

JSON = Any
_JAVASCRIPT = "JavaScript is not run here: write it anew in Python, in a node of the type 'code'."
_ITEMS = """\
# What the source reads of n8n: `items` is what arrives.
class _Item:
    def __init__(self, json):
        self.json = json


class _Input:
    def __init__(self, items):
        self._items = items
        self.item = items[0] if items else None

    def all(self):
        return self._items

    def first(self):
        return self._items[0]

    def last(self):
        return self._items[-1]


_input = _Input([_Item(one) for one in items])
_json = items[0] if items else {}
"""
_NATIVE = """\
# What the source reads of n8n: `items` is what arrives.
_items = [{"json": one} for one in items]
_item = _items[0] if _items else {"json": {}}
"""
_DATA = """\
def _data(one):
    return one["json"] if isinstance(one, dict) and "json" in one else one
"""
_OBJECT_DATA = """\
def _data(one):
    if isinstance(one, _Item):
        return one.json
    return one["json"] if isinstance(one, dict) and "json" in one else one
"""


def code(step: Step) -> None:
    """A script in Python; those in JavaScript are to be written anew."""
    config = step.config
    language = words(config.get("language"), "javaScript")
    if language not in ("python", "pythonNative"):
        missing(step, _JAVASCRIPT)
        return
    native = language == "pythonNative"
    body = python.as_function(words(config.get("pythonCode")), "_script")
    begin, data = (_NATIVE, _DATA) if native else (_ITEMS, _OBJECT_DATA)
    each = config.get("mode") == "runOnceForEachItem"
    end = "result = _data(_script())\n"
    if not each:
        end = (
            "_made = _script()\n"
            "result = [_data(one) for one in (_made if isinstance(_made, list) else [_made])]\n"
        )
    source = "\n\n".join((begin, body, f"{data}\n\n{end}"))
    items = list_before(step)
    given = braced(items if items is not None else Code(f"[{step.arriving().text}]"))
    shape = Shape(("result",)) if each else Shape(items=("result",))
    step.become("code", {"source": source, "inputs": {"items": given}}, shape=shape)
    if not each:
        tell_of_items(step)
    elif items is not None:
        step.changed("It is run once, for the first item: put it into a map for all of them.")
    if not native:
        step.changed("Data is read as item.json['a'] here, not as item.json.a.")
    step.changed("It runs in a sandbox with a small Python, without packages: try it once.")


def mail(step: Step) -> None:
    """Send a mail, by SMTP, Gmail or Outlook."""
    config = step.config
    resource, operation = config.get("resource", "message"), config.get("operation", "send")
    if resource not in ("message", "email") or operation != "send":
        missing(
            step,
            "Mails are only sent here ('email'); a question to people is an 'approval', and other "
            "things of a mailbox are calls with 'http'.",
        )
        return
    options = mapping(config.get("options") or config.get("additionalFields"))
    to = config.get("toEmail") or config.get("sendTo") or config.get("toRecipients")
    made: dict[str, JSON] = {"credential": _credential(step, "Mail server")}
    made["to"] = _addresses(step, to)
    for ours, names in (
        ("cc", ("ccEmail", "ccList", "ccRecipients")),
        ("bcc", ("bccEmail", "bccList", "bccRecipients")),
        ("reply_to", ("replyTo",)),
    ):
        given = next((o[n] for n in names for o in (options, config) if o.get(n)), None)
        if found := _addresses(step, given):
            made[ours] = found
    made["subject"] = step.text(config.get("subject")) or "(no subject)"
    made |= _body(step, options)
    if files := _attached(step, options):
        made["attachments"] = files
    step.changed(
        f"Store the mail server as a credential named '{made['credential']}', of the type Mail "
        "server (SMTP), or choose one; it says who the mail is from."
    )
    fields: dict[Keys, Keys] = {("messageId",): ("message_id",), ("id",): ("message_id",)}
    step.become("email", made, shape=Shape(fields=fields))


def _credential(step: Step, default: str) -> str:
    """The name of the credential in the file, under which one has to be stored here."""
    for one in mapping(step.source.raw.get("credentials")).values():
        return credential(mapping(one).get("name"), default)
    return default


def _addresses(step: Step, given: JSON) -> list[str]:
    text = step.text(given)
    if "{{" in text:
        return [text]
    return [one.strip() for one in re.split(r"[,;]", text) if one.strip()]


def _body(step: Step, options: dict[str, JSON]) -> dict[str, JSON]:
    config = step.config
    if short(step.source.type) == "emailSend":
        form = words(config.get("emailFormat")) or ("html" if config.get("html") else "text")
        body = config.get("text") if form == "text" else config.get("html") or config.get("text")
    else:
        default = "html" if short(step.source.type) == "gmail" else "Text"
        form = words(config.get("emailType") or options.get("bodyContentType"), default).lower()
        body = config.get("message") or config.get("bodyContent")
    html = form in ("html", "both")
    return {"body": step.text(body), "body_type": "html" if html else "text"}


def _attached(step: Step, options: dict[str, JSON]) -> list[dict[str, JSON]]:
    names = words(options.get("attachments")).split(",")
    for key in ("attachmentsUi", "attachments"):
        form = mapping(options.get(key))
        rows = mappings(form.get("attachmentsBinary") or form.get("attachments"))
        names += [part for raw in rows for part in words(raw.get("property")).split(",")]
        names += [words(raw.get("binaryPropertyName")) for raw in rows]
    files = []
    for name in dict.fromkeys(name.strip() for name in names if name.strip()):
        file = file_of(step, name)
        if file is None:
            step.changed(f"The attachment '{name[:60]}' was left out: no step before gives it.")
        else:
            files.append({"file": braced(file)})
    return files


_READS = re.compile(r"\s*(select|with|values|table|show|explain|describe)\b", re.IGNORECASE)
_WRITES = re.compile(r"\b(insert|update|delete|merge|into)\b", re.IGNORECASE)
_DOLLAR = re.compile(r"\$(\d{1,4})")


def sql(step: Step) -> None:
    """A query; expressions in it become parameters, as values are no part of it here."""
    config = step.config
    if words(config.get("operation"), "insert") != "executeQuery":
        missing(step, "Write what it does as SQL, in a node of the type 'sql'.")
        return
    query, found = _query(step, words(config.get("query")))
    known = [int(number) for number in _DOLLAR.findall(query)]
    given = _replacements(step)
    if isinstance(given, str) and found:
        raise Untranslatable("its parameters are one list, and more stand in the query")
    first = max([len(given) if isinstance(given, list) else 0, *known])
    if isinstance(given, list) and found:
        given += [None] * (first - len(given))
    query = re.sub("\ue003([0-9]+)\ue004", lambda at: f"${first + int(at[1]) + 1}", query)
    made: dict[str, JSON] = {"credential": _credential(step, "Database"), "query": query}
    if parameters := given if isinstance(given, str) else [*given, *found]:
        made["parameters"] = parameters
    if not _READS.match(query) or _WRITES.search(query):
        made["read_only"] = False
    if found:
        step.changed(
            "Expressions in the query became parameters: they are values there, never names of "
            "tables or pieces of SQL."
        )
    step.changed(f"Store the database as a credential named '{made['credential']}'.")
    step.become("sql", made, shape=Shape(items=("rows",)))
    tell_of_items(step)


def _replacements(step: Step) -> list[JSON] | str:
    """The values for $1, $2, … : a list, or one expression that gives it."""
    options = mapping(step.config.get("options") or step.config.get("additionalFields"))
    if names := words(options.get("queryParams")):
        return [braced(step.arriving(name.strip())) for name in names.split(",")]
    replaced = options.get("queryReplacement")
    if isinstance(replaced, list):
        return [step.value(one) for one in listing(replaced)]
    parts = step.parts(words(replaced))
    only = [part for part in parts if not isinstance(part, str) or part.strip()]
    if len(only) == 1 and isinstance(only[0], Code) and only[0].text.startswith("["):
        return braced(only[0])
    pieces: list[list[str | Code]] = [[]]
    for part in parts:
        if isinstance(part, Code):
            pieces[-1].append(part)
            continue
        first, *more = part.split(",")
        pieces[-1].append(first)
        pieces += [[one] for one in more]
    made = [as_text(_trimmed(piece)) for piece in pieces]
    return [one for one in made if one] if len(made) == 1 else made


def _trimmed(piece: list[str | Code]) -> list[str | Code]:
    kept = [part.strip() if isinstance(part, str) else part for part in piece]
    return [part for part in kept if part != ""]


def _query(step: Step, text: str) -> tuple[str, list[str]]:
    """The query with marks for its expressions, and what they give.

    An expression within a quoted text makes that whole text a parameter. Raises Untranslatable.
    """
    # In a query expressions stand without the mark that begins them elsewhere, too.
    parts = step.parts(f"={text.removeprefix('=')}")
    if not any(isinstance(part, str) and part.strip() for part in parts):
        raise Untranslatable("its SQL is made by an expression, and here it has to be written")
    made, quoted, codes = "", False, False
    inside: list[str | Code] = []
    found: list[str] = []
    for part in parts:
        if isinstance(part, Code):
            if quoted:
                inside.append(part)
                codes = True
            else:
                made += f"\ue003{len(found)}\ue004"
                found.append(braced(part))
            continue
        for number, piece in enumerate(part.split("'")):
            if number:
                if quoted and codes:
                    made += f"\ue003{len(found)}\ue004"
                    found.append(as_text(inside))
                elif quoted:
                    made += "'" + "".join(map(str, inside)) + "'"
                quoted, codes, inside = not quoted, False, []
            if quoted:
                inside.append(piece)
            else:
                made += piece
    if quoted:
        raise Untranslatable("a quote in its SQL is not closed")
    return made, found
