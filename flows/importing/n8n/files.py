"""Files, pages and XML of n8n. A file is read by the steps that follow the one which gives it."""

from typing import Any

from flows.importing.code import Code, Untranslatable, braced
from flows.importing.draft import Keys, Made, Shape, valid_id
from flows.importing.n8n.conditions import list_before
from flows.importing.n8n.planning import tell_of_items
from flows.importing.source import mapping, mappings, words
from flows.importing.steps import Step, missing, pass_on

JSON = Any
_TABLES = ("csv", "xls", "xlsx", "ods")
#: Operations of 'convert to file' → our formats.
_FORMATS = {
    "csv": "csv", "xlsx": "xlsx", "xls": "xlsx", "ods": "xlsx", "toJson": "json", "toText": "txt",
}  # fmt: skip
_TEXT_FORMATS = {"txt": "txt", "md": "md", "html": "html", "htm": "html"}
_PARSED = {"csv": "csv", "fromJson": "json", "xml": "xml", "html": "html"}


def file_of(step: Step, name: str) -> Code | None:
    """The file that the source names so (a 'binary property'), where a step before gives one."""
    try:
        code = step.draft.carried(step.source.id, ("$binary", name))
    except Untranslatable:
        return None
    return None if "$binary" in code.text else code


def _text_of(step: Step, name: str) -> Code | None:
    """The text of a file that is no file here, but the answer of a request."""
    try:
        code = step.draft.carried(step.source.id, ("$binary", name, "@text"))
    except Untranslatable:
        return None
    return None if "@text" in code.text else code


def disk(step: Step) -> None:
    """Read a file from a disk, or write one to it: files are given to a run, and stored."""
    config = step.config
    if words(config.get("operation"), "read") == "write":
        step.changed("The file is stored with the run, not written to a disk: see the step before.")
        pass_on(step)
        return
    start: Made | None = step.draft.flow.facts.get("start")
    if start is None:
        raise Untranslatable("a file is given to the run, and the flow has no start")
    entry = next(one for one in step.draft.entries if one["id"] == start.root)
    name = valid_id(f"{step.id}_file")
    entry["config"]["fields"].append({"name": name, "type": "file"})
    where = words(config.get("fileSelector") or config.get("filePath"))
    step.changed(f"There is no disk: the run is given the file {where[:200]} in '{name}'.")
    options = mapping(config.get("options"))
    key = words(options.get("dataPropertyName") or config.get("dataPropertyName"), "data")
    fields = {"file": f"{{{{ {start.root}.{name} }}}}"}
    step.become("transform", {"fields": fields}, shape=Shape(fields={("$binary", key): ("file",)}))


def extract(step: Step) -> None:
    """Read a file as rows, text or JSON."""
    config = step.config
    kind = words(config.get("operation"), "csv")
    if kind == "fromFile":
        # The older node for spreadsheets finds out by itself what it reads.
        kind = words(config.get("fileFormat"), "xlsx").removeprefix("autodetect") or "xlsx"
    name = words(config.get("binaryPropertyName"), "data")
    key = words(config.get("destinationKey") or mapping(config.get("options")).get("keyName"))
    text = _text_of(step, name)
    if text is not None and kind in _PARSED:
        parsed: dict[str, JSON] = {"text": braced(text), "format": _PARSED[kind]}
        if kind == "csv" and mapping(config.get("options")).get("headerRow") is False:
            parsed["header"] = False
        shape = Shape(items=("value",)) if kind == "csv" else _under(key, ("value",))
        step.become("parse", parsed, shape=shape)
        if kind == "csv":
            tell_of_items(step)
        return
    made: dict[str, JSON] = {"file": braced(_file(step, name))}
    if kind in _TABLES or kind == "html":
        made["mode"] = "table"
        options = mapping(config.get("options"))
        if kind == "csv":
            step.tell("Cells are texts: write '| float' where a number is needed.")
        if options.get("headerRow") is False:
            made["header"] = False
        if sheet := words(options.get("sheetName")):
            made["sheet"] = step.text(sheet)
        step.become("file_read", made, shape=Shape(items=("rows",)))
        tell_of_items(step)
    elif kind in ("text", "xml", "pdf"):
        fields: dict[Keys, Keys] = {("text",): ("text",), ("numpages",): ("metadata", "pages")}
        fields[(key or "data",)] = ("text",)
        step.become("file_read", {**made, "mode": "text"}, shape=Shape(fields=fields))
    elif kind == "fromJson":
        step.become("file_read", {**made, "mode": "text"})
        _parse(step, key)
    else:
        missing(step, f"Files of the kind '{kind[:30]}' are not read here. Convert them first.")


def _parse(step: Step, key: str) -> None:
    """The text of a file as JSON, in a step behind the one that reads it."""
    text = f"{{{{ {step.id}.text }}}}"
    name = step.then("data", "parse", {"text": text, "format": "json"})
    own = step.draft.made[step.source.id]
    own.root, own.shape = name, _under(key, ("value",))


def _under(key: str, path: Keys) -> Shape:
    return Shape(fields={(key or "data",): path})


def _file(step: Step, name: str) -> Code:
    found = file_of(step, name)
    if found is not None:
        return found
    return step.failed(f"the file '{name}'", "no step before it gives this file here")


def convert(step: Step) -> None:
    """Make a file."""
    config = step.config
    kind = words(config.get("operation"), "csv")
    if kind == "toFile":
        kind = words(config.get("fileFormat"), "csv")
    form = _FORMATS.get(kind)
    if form is None:
        missing(step, f"Files of the kind '{kind[:30]}' are not made here: see 'file_write'.")
        return
    options = mapping(config.get("options"))
    written = step.text(options.get("fileName")) or step.label or "file"
    content = braced(_content(step, kind))
    if form == "txt":
        form = _TEXT_FORMATS.get(written.rpartition(".")[2].lower(), "txt")
    if kind in ("xls", "ods"):
        step.changed("It is made as a workbook of the kind xlsx.")
    name = written.removesuffix(f".{kind}").removesuffix(f".{form}") or "file"
    key = words(config.get("binaryPropertyName"), "data")
    made = {"name": name, "format": form, "content": content}
    step.become("file_write", made, shape=Shape(fields={("$binary", key): ("file",)}))


def _content(step: Step, kind: str) -> Code:
    config = step.config
    if kind == "toText":
        return step.arriving(*words(config.get("sourceProperty"), "data").split("."))
    items = list_before(step)
    if items is not None:
        return items
    one = step.arriving()
    return one if kind == "toJson" and config.get("mode") == "each" else Code(f"[{one.text}]")


def spreadsheet(step: Step) -> None:
    """The older node that reads and makes workbooks."""
    reads = words(step.config.get("operation"), "fromFile") == "fromFile"
    (extract if reads else convert)(step)


def html(step: Step) -> None:
    """Fill in a page, or take parts out of one."""
    config = step.config
    default = "extractHtmlContent" if "htmlExtract" in step.source.type else "generateHtmlTemplate"
    operation = words(config.get("operation"), default)
    if operation == "generateHtmlTemplate":
        # Expressions stand in it without the mark that begins them elsewhere.
        text = step.text(f"={words(config.get('html'))}", template=True)
        step.become("template", {"template": text}, shape=Shape(fields={("html",): ("text",)}))
        return
    if operation != "extractHtmlContent":
        missing(step, "A table of a page is made with a node of the type 'template'.")
        return
    key = words(config.get("dataPropertyName"), "data")
    text_code = _text_of(step, key) if config.get("sourceData") == "binary" else None
    code = text_code or step.arriving(*key.split("."))
    step.become("parse", {"text": braced(code), "format": "html"}, shape=Shape(("value",)))
    rows = mappings(mapping(config.get("extractionValues")).get("values"))
    for raw in rows:
        step.changed(
            f"Its field '{words(raw.get('key'))[:60]}' was what the selector "
            f"'{words(raw.get('cssSelector'))[:100]}' found: take it from title, text, links or "
            "tables of the page."
        )
    step.changed("Pages are read as a whole here, not by selectors.")


def xml(step: Step) -> None:
    config = step.config
    if words(config.get("mode"), "xmlToJson") != "xmlToJson":
        missing(step, "XML is written with a node of the type 'template'.")
        return
    code = step.arriving(*words(config.get("dataPropertyName"), "data").split("."))
    step.become("parse", {"text": braced(code), "format": "xml"}, shape=Shape(("value",)))
    step.changed("Attributes are '@name' and text beside elements '#text': check what reads them.")
