"""Warnings of settings that the chosen model does not have: calls are made without them."""

from typing import Any
from uuid import UUID

from billing.catalogue import capabilities
from flows.engine.document import Document
from flows.engine.errors import MAX_PROBLEMS, Problem
from flows.engine.expressions import has_expression

JSON = Any
CODE = "setting_without_effect"


def unused_settings(document: Document, workspace_id: UUID) -> list[Problem]:
    """A warning for each temperature and effort that the node's model, written out, has not."""
    found: list[Problem] = []
    for node in document.nodes:
        model, config = node.config.get("model"), node.config
        if not isinstance(model, str) or not model.strip() or has_expression(model):
            continue
        effort, temperature = config.get("effort"), config.get("temperature")
        if effort in (None, "") and temperature in (None, ""):
            continue
        can = capabilities(model.strip())
        if effort not in (None, "") and not can.has("effort"):
            found.append(_problem(node.id, "effort", _has_none(model, "effort")))
        if temperature not in (None, "") and not can.takes_temperature(effort or None):
            why = _has_none(model, "temperature")
            if can.has("temperature"):
                why = f"'{model[:100]}' takes no temperature while it has an effort"
            found.append(_problem(node.id, "temperature", why))
    return found[:MAX_PROBLEMS]


def _has_none(model: str, setting: str) -> str:
    return f"'{model[:100]}' has no {setting}"


def _problem(node: str, setting: str, why: str) -> Problem:
    message = f"{why}: it is asked without. Remove the setting, or choose another model."
    return Problem(CODE, message, node, setting, "warning")
