"""The HTTP request of Dify."""

import re
from typing import Any

from flows.importing.bodies import json_of
from flows.importing.dify.nodes import chosen
from flows.importing.draft import Keys, Shape
from flows.importing.naming import credential
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step

JSON = Any
#: A key that is nothing but a variable, so no secret stands in the file.
_VARIABLE = re.compile(r"\s*\{\{#[^#{}]+#\}\}\s*")


def _lines(step: Step, value: JSON) -> dict[str, str]:
    """`name:value` in lines, as headers and parameters are written."""
    if isinstance(value, list):
        return {words(r.get("key")): step.text(r.get("value")) for r in mappings(value)}
    pairs = (line.partition(":") for line in words(value).splitlines() if line.strip())
    return {name.strip(): step.text(text.strip()) for name, _, text in pairs if name.strip()}


def request(step: Step) -> None:
    config = step.config
    method = words(config.get("method"), "GET").upper()
    made: dict[str, JSON] = {"method": method, "url": step.text(config.get("url")).strip()}
    if headers := _lines(step, config.get("headers")):
        made["headers"] = headers
    if query := _lines(step, config.get("params")):
        made["query"] = query
    body = mapping(config.get("body"))
    made |= _body(step, words(body.get("type"), "none"), body.get("data"))
    _authorize(step, made)
    seconds = number(mapping(config.get("timeout")).get("max_read_timeout")) or number(
        mapping(config.get("timeout")).get("read")
    )
    if seconds and 0 < seconds <= 600:
        made["timeout_seconds"] = seconds
    fields: dict[Keys, Keys] = {
        ("body",): ("text",),
        ("status_code",): ("status",),
        ("headers",): ("headers",),
    }
    if not made["url"]:
        made["url"] = "https://"
    step.become("http", made, shape=Shape(fields=fields))


def _authorize(step: Step, made: dict[str, JSON]) -> None:
    """The key: a header where it is a variable, else a credential that has to be stored."""
    form = mapping(step.config.get("authorization"))
    if form.get("type", "no-auth") == "no-auth":
        return
    config = mapping(form.get("config"))
    kind, key = words(config.get("type"), "bearer"), words(config.get("api_key"))
    name = "Authorization" if kind != "custom" else words(config.get("header")).strip()
    if _VARIABLE.fullmatch(key) and kind in ("bearer", "custom") and name:
        begin = "Bearer " if kind == "bearer" else ""
        made.setdefault("headers", {})[name] = begin + step.text(key.strip())
        return
    made["credential"] = credential(step.label, "API key")
    kinds = {"basic": "User and password", "custom": f"Header ({name or 'its name'})"}
    step.changed(
        f"Store its key as a credential named '{made['credential']}', of the type "
        f"{kinds.get(kind, 'Bearer token')}, or choose another one."
    )


def _body(step: Step, kind: str, data: JSON) -> dict[str, JSON]:
    if kind == "none":
        return {}
    rows = mappings(data)
    if kind == "binary":
        if rows and rows[0].get("file"):
            return {"body": chosen(step, rows[0]["file"]), "body_type": "file"}
        step.changed("The file that was the body is not named: it was left out.")
        return {}
    if kind in ("form-data", "x-www-form-urlencoded"):
        files = [row for row in rows if row.get("type") == "file"]
        kept = [row for row in rows if row.get("type") != "file"] if rows else data
        body: dict[str, JSON] = dict(_lines(step, kept))
        for row in files:
            name = words(row.get("key"))
            if row.get("file"):
                body[name] = chosen(step, row["file"])
            else:
                step.changed(f"The file in the field '{name[:60]}' was left out.")
        return {"body": body, "body_type": "multipart" if kind == "form-data" else "form"}
    text = words(rows[0].get("value")) if rows else words(data)
    if kind == "json":
        return {"body": json_of(step.parts(text)), "body_type": "json"}
    return {"body": step.text(text), "body_type": "text"}
