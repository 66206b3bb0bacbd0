"""Agents and tools of Dify."""

from typing import Any

from flows.importing.dify.models import memory_of, named_model
from flows.importing.draft import Keys, Shape
from flows.importing.naming import credential, slug, tool_name
from flows.importing.source import mapping, mappings, number, words
from flows.importing.steps import Step, missing

JSON = Any
_MOST_STEPS = 100


def agent(step: Step) -> None:
    """A model with tools; the strategy's own parameters are in `agent_parameters`."""
    given = mapping(step.config.get("agent_parameters"))
    made = named_model(step, mapping(_value(given, "model")))
    if system := step.text(_value(given, "instruction")):
        made["system"] = system
    made["prompt"] = step.text(_value(given, "query"))
    if not made["prompt"].strip():
        made["prompt"] = step.text("{{#sys.query#}}")
    steps = number(_value(given, "maximum_iterations"))
    if steps and steps >= 1:
        made["max_steps"] = min(int(steps), _MOST_STEPS)
    if tools := _tools(step, mappings(_value(given, "tools"))):
        made["tools"] = tools
    made |= memory_of(step)
    fields: dict[Keys, Keys] = {("usage",): ("usage",)}
    step.become("agent", made, shape=Shape(fields=fields))
    strategy = words(step.config.get("agent_strategy_name"), "function_calling")
    if "function" not in strategy.lower():
        step.changed(f"The strategy '{strategy[:60]}' is not known: the model calls tools itself.")
    if _value(given, "context"):
        step.changed("Its context was left out: put the text of the knowledge into the prompt.")


def _value(given: dict[str, JSON], name: str) -> JSON:
    """A parameter, which stands there with its kind."""
    one = given.get(name)
    return one.get("value") if isinstance(one, dict) and "value" in one else one


def _tools(step: Step, rows: list[dict[str, JSON]]) -> list[dict[str, JSON]]:
    made: list[dict[str, JSON]] = []
    servers: dict[str, dict[str, JSON]] = {}
    left: list[str] = []
    for raw in rows:
        kind, name = _kind(raw), words(raw.get("tool_name"))
        if raw.get("enabled") is False:
            continue
        if kind == "mcp" and name:
            server = _server(raw)
            known = server in servers
            tool = servers.setdefault(server, {"type": "mcp", "credential": server, "tools": []})
            tool["tools"].append(name)
            made += [] if known else [tool]
        elif kind == "workflow" and name:
            about = words(raw.get("tool_description") or raw.get("tool_label"))[:4_000]
            made.append({"type": "flow", "flow": slug(name, "flow"), "name": tool_name(name)})
            if about:
                made[-1]["description"] = about
            step.changed(f"Import the workflow '{name[:80]}' too, and choose it as a tool.")
        else:
            left.append(words(raw.get("tool_label")) or name or "a tool without a name")
    for server in servers:
        step.changed(f"Store the server as a credential named '{server}', of the type MCP server.")
    if left:
        step.changed(
            f"Left out of its tools: {', '.join(left)[:400]}. Give it flows, HTTP requests or MCP "
            "servers instead."
        )
    return made


def _kind(raw: dict[str, JSON]) -> str:
    return words(raw.get("provider_type") or raw.get("type"))


def _server(raw: dict[str, JSON]) -> str:
    shown = raw.get("provider_show_name") or raw.get("provider_name") or raw.get("provider_id")
    return credential(shown, "MCP server")


def tool(step: Step) -> None:
    """A tool of a plugin, a workflow or an MCP server."""
    config = step.config
    kind, name = _kind(dict(config)), words(config.get("tool_name"))
    arguments = {key: _argument(step, raw) for key, raw in _arguments(step).items()}
    arguments = {key: value for key, value in arguments.items() if value not in ("", None)}
    if kind == "mcp" and name:
        server = _server(dict(config))
        made = {"credential": server, "tool": name, "arguments": arguments}
        step.changed(f"Store the server as a credential named '{server}', of the type MCP server.")
        fields: dict[Keys, Keys] = {("text",): ("text",), ("json",): ("json",)}
        step.become("mcp", made, shape=Shape(fields=fields))
    elif kind == "workflow" and name:
        step.changed(f"Import the workflow '{name[:80]}' too, and choose it here.")
        step.become("subflow", {"flow": slug(name, "flow"), "inputs": arguments})
    else:
        missing(
            step,
            f"Tools of Dify's plugins are not here ('{name[:60]}'): call the service with a node "
            "of the type 'http' or 'mcp'.",
        )


def _arguments(step: Step) -> dict[str, JSON]:
    given = mapping(step.config.get("tool_parameters"))
    return {**mapping(step.config.get("tool_configurations")), **given}


def _argument(step: Step, raw: JSON) -> JSON:
    """`{type: mixed | variable | constant, value}`, or the value itself."""
    from flows.importing.dify.nodes import chosen

    form = mapping(raw)
    if "value" not in form:
        return step.value(raw) if not form else None
    if form.get("type") == "variable":
        return chosen(step, form["value"])
    return step.value(form["value"])
