"""Agents, tools, searches and functions of an Agentflow V2."""

import json
from typing import Any
from urllib.parse import quote

from flows.importing.code import as_text
from flows.importing.draft import Shape
from flows.importing.flowise.nodes import JSON_SHAPE, TEXT, question, rows, schema, update_state
from flows.importing.naming import slug, tool_name
from flows.importing.source import listing, mapping, words
from flows.importing.steps import Step, missing

JSON = Any
_REQUESTS = {
    "requestsGet": "GET",
    "requestsPost": "POST",
    "requestsPut": "PUT",
    "requestsDelete": "DELETE",
}
#: Tools that are another flow of the same installation.
_FLOWS = ("ChatflowTool", "chatflowTool", "agentflowTool")
_TYPES = ("string", "number", "integer", "boolean", "array", "object")


def agent(step: Step) -> None:
    """A model with tools."""
    config = step.config
    made = question(step, "agent")
    wanted = rows(config.get("agentStructuredOutput"))
    if wanted:
        made["output_schema"] = schema(wanted)
    tools: list[dict[str, JSON]] = []
    left: list[str] = []
    for raw in rows(config.get("agentTools")):
        name = words(raw.get("agentSelectedTool"))
        tool = _tool(step, name, mapping(raw.get("agentSelectedToolConfig")))
        if tool is None:
            left.append(name or "a tool without a name")
            continue
        if raw.get("agentSelectedToolRequiresHumanInput") is True:
            tool["approval"] = True
        tools.append(tool)
    left += [f"{name} of the provider" for name in _built_in(step)]
    if tools:
        made["tools"] = tools
    step.become("agent", made, shape=JSON_SHAPE if wanted else TEXT)
    if left:
        step.changed(
            f"Left out of its tools: {', '.join(left)[:400]}. Give it flows, HTTP requests or MCP "
            "servers instead."
        )
    if rows(config.get("agentKnowledgeDocumentStores")) or rows(
        config.get("agentKnowledgeVSEmbeddings")
    ):
        step.changed(
            "Its knowledge was left out: make a flow with a node of the type 'knowledge', and give "
            "it as a tool."
        )
    _update_state(step)


def _update_state(step: Step) -> None:
    for key in list(step.config):
        if key.endswith("UpdateState"):
            update_state(step, key)


def _built_in(step: Step) -> list[str]:
    """Tools that run at the model's provider."""
    found: list[str] = []
    for key, value in step.config.items():
        if key.startswith("agentToolsBuiltIn") and value:
            try:
                given = json.loads(value) if isinstance(value, str) else value
            except ValueError:
                given = [value]
            found += [words(one) for one in listing(given) if words(one)]
    return found


def _tool(step: Step, name: str, config: dict[str, JSON]) -> dict[str, JSON] | None:
    """One tool of an agent, or None where it has no like here."""
    if name == "customMCP":
        return _server(step, config)
    if name in _REQUESTS:
        return _request(step, name, config)
    if name in _FLOWS:
        flow = _chosen_flow(config)
        if not flow:
            return None
        step.changed(f"Import the flow '{flow[:80]}' too, and choose it as a tool.")
        made = {"type": "flow", "flow": slug(flow, "flow")}
        made["name"] = tool_name(words(config.get("name"), flow))
        about = words(config.get("description"))
        return {**made, **({"description": step.text(about)[:4_000]} if about else {})}
    return None


def _chosen_flow(config: dict[str, JSON]) -> str:
    return words(config.get("selectedChatflow") or config.get("selectedAgentflow"))


def _server(step: Step, config: dict[str, JSON]) -> dict[str, JSON] | None:
    """A server of MCP that is reached by its address; commands are never run here."""
    url, has_headers = _address(config.get("mcpServerConfig"))
    if not url:
        step.changed("An MCP server that is a command is not run here: name one by its address.")
        return None
    if has_headers:
        step.changed(
            "Store the MCP server with its token as a credential, and name it in 'credential' "
            "instead of 'url'."
        )
    made: dict[str, JSON] = {"type": "mcp", "url": step.text(url)}
    if names := _actions(config):
        made["tools"] = names
    return made


def _address(given: JSON) -> tuple[str, bool]:
    try:
        form = json.loads(given) if isinstance(given, str) else given
    except (ValueError, RecursionError):
        return "", False
    form = mapping(form)
    return words(form.get("url")), bool(mapping(form.get("headers")))


def _actions(config: dict[str, JSON]) -> list[str]:
    given = config.get("mcpActions")
    try:
        given = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return []
    return [words(one) for one in listing(given) if words(one)]


def _request(step: Step, name: str, config: dict[str, JSON]) -> dict[str, JSON] | None:
    """One of the tools that make a request; the names of its settings begin with its own."""
    url = words(config.get(f"{name}Url"))
    if not url:
        return None
    method = _REQUESTS[name]
    # A part of an address is `/:id` there, and `/{id}` here.
    made: dict[str, JSON] = {"type": "http", "method": method, "url": step.text(url)}
    made["name"] = tool_name(words(config.get(f"{name}Name"), name))
    about = step.text(config.get(f"{name}Description"))[:4_000]
    if about:
        made["description"] = about
    key = "QueryParamsSchema" if method in ("GET", "DELETE") else "BodySchema"
    made["parameters"] = _parameters(config.get(f"{name}{key}"))
    for part in [one["name"] for one in made["parameters"]]:
        made["url"] = made["url"].replace(f"/:{part}", f"/{{{part}}}")
    if words(config.get(f"{name}Headers")):
        step.changed("Headers of a tool's request were left out: name a credential.")
    return made


def _parameters(given: JSON) -> list[dict[str, JSON]]:
    try:
        form = mapping(json.loads(given) if isinstance(given, str) else given)
    except (ValueError, RecursionError):
        return []
    made = []
    for name, raw in form.items():
        one = mapping(raw)
        kind = words(one.get("type"), "string")
        made.append({
            "name": str(name),
            "type": kind if kind in _TYPES else "string",
            "description": words(one.get("description"))[:2_000],
            "required": one.get("required") is True,
        })  # fmt: skip
    return made


def tool(step: Step) -> None:
    """One tool, called with fixed arguments."""
    config = step.config
    name = words(config.get("toolAgentflowSelectedTool") or config.get("selectedTool"))
    settings = mapping(config.get("toolAgentflowSelectedToolConfig"))
    given = {
        words(raw.get("inputArgName")): words(raw.get("inputArgValue"))
        for raw in rows(config.get("toolInputArgs"))
        if words(raw.get("inputArgName"))
    }
    arguments: dict[str, JSON] = {key: step.text(value) for key, value in given.items()}
    found = _tool(step, name, settings)
    if found is None or (found["type"] == "mcp" and len(found.get("tools", [])) != 1):
        missing(
            step,
            f"The tool '{name[:60]}' is not here: call the service with a node of the type 'http' "
            "or 'mcp'.",
        )
    elif found["type"] == "mcp":
        made = {"url": found["url"], "tool": found["tools"][0], "arguments": arguments}
        step.become("mcp", made, shape=Shape(("text",), {("output",): ("text",)}))
    elif found["type"] == "flow":
        step.become("subflow", {"flow": found["flow"], "inputs": arguments})
    else:
        _call(step, found, given)
    _update_state(step)


def _call(step: Step, found: dict[str, JSON], given: dict[str, str]) -> None:
    """The request of a tool with its arguments where the model's would be."""
    url = found["url"]
    others: dict[str, JSON] = {}
    for name, value in given.items():
        place = f"{{{name}}}"
        if place not in url:
            others[name] = step.text(value)
            continue
        # What is put into an address is encoded: nothing in it may lead elsewhere.
        parts = step.parts(value)
        url = url.replace(
            place,
            as_text([quote(p) if isinstance(p, str) else p.filtered("urlencode") for p in parts]),
        )
    made: dict[str, JSON] = {"method": found["method"], "url": url}
    if others:
        made["query" if found["method"] in ("GET", "DELETE") else "body"] = others
    step.become("http", made, shape=Shape(("text",), {("output",): ("text",)}))


def script(step: Step) -> None:
    """A function in JavaScript, which is not run here."""
    missing(
        step, "JavaScript is not run here: write it anew in Python, in a node of the type 'code'."
    )
    _update_state(step)


def retriever(step: Step) -> None:
    """A search in document stores, as one in a collection that has to be made."""
    config = step.config
    stores = [
        words(raw.get("documentStore")).partition(":")[2] or words(raw.get("documentStore"))
        for raw in rows(config.get("retrieverKnowledgeDocumentStores"))
    ]
    name = slug(stores[0] if stores else step.label, "knowledge")
    query = step.text(config.get("retrieverQuery")) or step.text("{{ question }}")
    step.changed(
        f"Make the collection '{name}' with the documents of "
        f"{', '.join(store[:60] for store in stores[:9]) or 'the store'}, or choose another one."
    )
    shape = Shape(("text",), {("output",): ("text",)})
    step.become("knowledge", {"collection": name, "query": query}, shape=shape)
    _update_state(step)
