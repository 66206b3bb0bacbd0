"""The HTTP request of n8n, versions 1 to 4."""

import re
from typing import Any

from flows.importing.bodies import json_of
from flows.importing.code import braced
from flows.importing.draft import Keys, Shape
from flows.importing.n8n.files import file_of
from flows.importing.naming import credential
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step

JSON = Any
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def request(step: Step) -> None:
    made = settings(step)
    step.become("http", made, shape=_shape(step, mapping(step.config.get("options"))))


def settings(step: Step) -> dict[str, JSON]:
    """The request, as the node and an agent's tool have it."""
    config = step.config
    method = words(config.get("method") or config.get("requestMethod"), "GET").upper()
    made: dict[str, JSON] = {"method": method if method in _METHODS else "GET"}
    made["url"] = step.text(config.get("url"))
    if not made["url"]:
        made["url"] = "https://"
        step.changed("No address is set: write it.")
    if headers := _pairs(step, "header", "sendHeaders"):
        made["headers"] = {name: value for name, value in headers.items() if name}
    if query := _pairs(step, "query", "sendQuery"):
        made["query"] = query
    made |= _body(step)
    options = mapping(config.get("options"))
    if (seconds := number(options.get("timeout"))) and seconds > 0:
        made["timeout_seconds"] = min(seconds / 1000, 600)
    _tell(step, options)
    return made | authorized(step)


def authorized(step: Step) -> dict[str, JSON]:
    """The setting `credential`, where a key is sent along: it has to be stored under that name."""
    if step.config.get("authentication", "none") in ("none", "", None):
        return {}
    given = mapping(step.source.raw.get("credentials")).values()
    name = next((credential(mapping(one).get("name"), "") for one in given), "")
    if not name:
        step.changed("Store its key as a credential, and name it in 'credential'.")
        return {}
    step.changed(f"Store its key as a credential named '{name}', or choose another one.")
    return {"credential": name}


def _shape(step: Step, options: dict[str, JSON]) -> Shape:
    answer = mapping(mapping(options.get("response")).get("response"))
    form = answer.get("responseFormat") or step.config.get("responseFormat")
    if form == "file":
        step.changed("The answer is read as text; files cannot be taken from an answer yet.")
        name = words(answer.get("outputPropertyName"), "data")
        return Shape(("json",), {("$binary", name, "@text"): ("text",)})
    if answer.get("fullResponse") is True or options.get("fullResponse") is True:
        body: Keys = ("text",) if form == "text" else ("json",)
        fields: dict[Keys, Keys] = {("body",): body, ("headers",): ("headers",)}
        return Shape(fields={**fields, ("statusCode",): ("status",)})
    if form in ("text", "string"):
        return Shape(fields={(words(answer.get("outputPropertyName"), "data"),): ("text",)})
    return Shape(("json",))


def _pairs(step: Step, what: str, switch: str) -> dict[str, JSON]:
    """Headers or query parameters, in the form of any version."""
    config = step.config
    if config.get(switch) is False:
        return {}
    as_json = config.get(f"json{what.capitalize()}") or config.get(f"{what}ParametersJson")
    if as_json:
        given = json_of(step.parts(words(as_json)))
        return given if isinstance(given, dict) else {}
    found: dict[str, JSON] = {}
    for key in (f"{what}Parameters", f"{what}ParametersUi"):
        form = mapping(config.get(key))
        for raw in [*mappings(form.get("parameters")), *mappings(form.get("parameter"))]:
            found[words(raw.get("name"))] = step.text(raw.get("value"))
    return found


def _body(step: Step) -> dict[str, JSON]:
    config = step.config
    kind = words(config.get("contentType") or config.get("bodyContentType"), "json")
    sends = config.get("sendBody") is True or any(
        config.get(key) for key in ("bodyParametersJson", "bodyParametersUi")
    )
    if not sends:
        return {}
    if kind == "raw":
        return {"body": step.text(config.get("body")), "body_type": "text"}
    if kind == "binaryData":
        file = file_of(step, words(config.get("inputDataFieldName"), "data"))
        if file is not None:
            return {"body": braced(file), "body_type": "file"}
        step.changed("No step before gives the file that was the body: it was left out.")
        return {"body_type": "none"}
    text = config.get("jsonBody") or config.get("bodyParametersJson")
    if text is not None:
        return {"body": _json(step, text), "body_type": "json"}
    fields: dict[str, JSON] = {}
    form = mapping(config.get("bodyParameters") or config.get("bodyParametersUi"))
    for raw in [*mappings(form.get("parameters")), *mappings(form.get("parameter"))]:
        if raw.get("parameterType") == "formBinaryData":
            file = file_of(step, words(raw.get("inputDataFieldName"), "data"))
            if file is not None:
                fields[words(raw.get("name"))] = braced(file)
                continue
            step.changed(
                f"The file in the field '{words(raw.get('name'))[:60]}' was left out: no step "
                "before gives it."
            )
            continue
        fields[words(raw.get("name"))] = step.text(raw.get("value"))
    if kind == "multipart-form-data":
        return {"body": fields, "body_type": "multipart"}
    return {"body": fields, "body_type": "json" if kind == "json" else "form"}


def _json(step: Step, text: JSON) -> JSON:
    if not isinstance(text, str):
        return step.value(text)
    # JSON.stringify() around all of it only makes the text that is sent.
    whole = re.fullmatch(r"=\s*\{\{\s*JSON\.stringify\((.*)\)\s*\}\}\s*", text, re.DOTALL)
    if whole and ")" not in whole[1].replace("()", "").split("(")[0]:
        text = "={{ " + whole[1] + " }}"
    return json_of(step.parts(text))


def _tell(step: Step, options: dict[str, JSON]) -> None:
    if mapping(options.get("pagination")):
        step.changed(
            "Pages are not fetched one after the other yet: say in 'paginate' what is next."
        )
    for key in ("proxy", "allowUnauthorizedCerts", "batching"):
        if options.get(key):
            step.changed(f"The option '{key}' was left out.")
    answer = mapping(mapping(options.get("response")).get("response"))
    if answer.get("neverError") is True:
        step.changed("Answers that are no success fail here: list the ones that are fine.")
