"""What the examples of docs/nodes.md speak to: servers on real sockets, and a workspace with them.

Tests use it on their stack, benchmarks on a copy of their own: everything is done over the API,
but for credentials, which are made where the caller says.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg
import yaml
from mcp.server.mcpserver import MCPServer
from psycopg import sql

from execution.tests.database_relay_for_tests import DatabaseRelay
from execution.tests.mcp_servers_for_tests import McpServerOnLoopback
from fluxprompt.paths import ROOT
from tests.support.listening import listening
from tests.support.mail_server import MailServer
from tests.support.model_media import SOUND
from tests.support.node_examples import node_to_run

JSON = Any
type MakeCredential = Callable[[str, str, Mapping[str, str]], object]
ENDED = ("succeeded", "failed", "cancelled", "timed_out")
INVOICE = b"<h1>Invoice 7</h1><table><tr><th>what<th>price<tr><td>tea<td>3</table>"
HANDBOOK = {
    "Returns": "You can send an order back within thirty days.",
    "Shipping": "Parcels leave our warehouse on weekdays at noon.",
}
#: What `start.text` is for types that make nothing of just any text.
TEXTS = {
    "agent": "Where is the order 10-2841? [[call-find_order]]",
    "knowledge": "Until when can I send an order back?",
    "map": "tea, coffee,milk",
    "parse": "name;price\ntea;3\ncoffee;7\n",
}
ANY_TEXT = "Ada"


class Service(BaseHTTPRequestHandler):
    """Weather on two pages, orders by number, and a page for people; all else is 404."""

    # Head and body are two writes: else the second waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/weather":
            page = int(query.get("page", ["1"])[0])
            more = "" if page == 2 else f'<{self.path}&page=2>; rel="next"'
            self._json({"reports": [{"city": query["city"][0], "day": page}]}, Link=more)
        elif path.startswith("/orders/"):
            self._json({"number": path.removeprefix("/orders/"), "state": "sent"})
        elif path == "/news":
            html = "<title>News</title><main><h1>News</h1><p>All is <a href=/more>well</a>.</main>"
            self._say(200, html.encode(), "text/html")
        else:
            self._say(404, b"not here", "text/plain")

    def _json(self, value: JSON, **headers: str) -> None:
        self._say(200, json.dumps(value).encode(), "application/json", **headers)

    def _say(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, text in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def wiki() -> MCPServer:
    """A server with one tool, which says what it was asked for."""
    server = MCPServer("wiki", log_level="ERROR")

    @server.tool()
    def search_pages(query: str) -> dict[str, list[str]]:
        """Finds pages."""
        return {"pages": [f"About {query}"]}

    return server


@contextmanager
def web_server() -> Iterator[str]:
    """The service's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def shop_database(server: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A database of its own on a PostgreSQL: how to connect to it; gone afterwards."""
    name = f"shop_{secrets.token_hex(4)}"
    named = sql.Identifier(name)
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(named))
        to = {**server, "dbname": name}
        with psycopg.connect(**to) as shop:
            shop.execute("CREATE TABLE orders (id int, customer text, total numeric)")
            shop.execute("INSERT INTO orders VALUES (1, 'Ada', 9.5), (2, 'Bob', 1), (3, 'Ada', 4)")
        try:
            yield to
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))


class ExampleWorld:
    """The servers while it is entered, and runs of examples in the workspace of an API key.

    `email` is the member who made the key, `database` how to connect to a PostgreSQL (its `host`
    a folder). The copy has to reach 127.0.0.1, and its models have to be the scripted ones.
    """

    def __init__(
        self,
        url: str,
        token: str,
        email: str,
        credential: MakeCredential,
        database: Mapping[str, Any],
    ) -> None:
        self._email = email
        self._credential = credential
        self._database = database
        self._open = ExitStack()
        self._texts = dict(TEXTS)
        self._http = httpx2.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=90,
        )

    def __enter__(self) -> Self:
        enter = self._open.enter_context
        enter(self._http)
        self.web = enter(web_server())
        self._texts["webpage"] = f"{self.web}/news"
        self.mail = enter(MailServer())
        self._mcp = enter(listening(McpServerOnLoopback(wiki())))
        self._relay = enter(listening(DatabaseRelay(to=enter(shop_database(self._database)))))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ask(self, method: str, path: str, body: JSON = None, **more: Any) -> JSON:
        """The JSON of an answer. Raises AssertionError on a failure."""
        answer = self._http.request(method, path, json=body, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:2_000]}"
        return answer.json()

    def node_to_run(self, node: dict[str, JSON]) -> dict[str, JSON]:
        """The example as it is run here."""
        return node_to_run(node, self.web, self._email)

    def prepare(self, nodes: Iterable[dict[str, JSON]]) -> None:
        """Make what the examples name: credentials, a collection, flows, files."""
        for node in nodes:
            config = node["config"]
            match node["type"]:
                case "email" | "mcp" | "sql" as kind:
                    self._credential(config["credential"], *self._login(kind))
                case "knowledge":
                    self._make_collection(config["collection"])
                case "subflow":
                    self._make_flow(config["flow"], config["version"])
                case "file_read":
                    self._texts["file_read"] = self._upload("invoice.html", INVOICE)
                case "transcribe":
                    self._texts["transcribe"] = self._upload("talk.mp3", SOUND)

    def inputs(self, node: dict[str, JSON]) -> dict[str, JSON]:
        """What a run of the flow around an example is given."""
        if node["type"] != "input":
            return {"text": self._texts.get(node["type"], ANY_TEXT)}
        fields = node["config"].get("fields", [])
        return {field["name"]: ANY_TEXT for field in fields if field.get("required")}

    def publish(self, document: dict[str, JSON]) -> str:
        """A published flow; its id."""
        flow = str(self.ask("POST", "/flows", {"document": document})["id"])
        self.ask("POST", f"/flows/{flow}/publish")
        return flow

    def run(
        self, flow: str, inputs: dict[str, JSON], *, approves: str = "", seconds: float = 180
    ) -> JSON:
        """A run when it has ended; before, the node `approves` is approved where it waits."""
        # Who asks again and again costs the server more than the run does.
        headers = {} if approves else {"Prefer": "wait=60"}
        body = {"inputs": inputs, "session_id": "examples"}
        run = self.ask("POST", f"/flows/{flow}/runs", body, headers=headers)
        deadline = time.monotonic() + seconds
        path = f"/runs/{run['id']}"
        while run["status"] not in ENDED:
            assert time.monotonic() < deadline, f"run {run['id']} is still {run['status']}"
            if run["status"] == "waiting" and approves:
                self.ask("POST", f"{path}/approvals/{approves}", {"decision": "approve"})
                approves = ""
            time.sleep(0.01)
            run = self.ask("GET", path)
        return run

    def nodes(self, run: JSON) -> dict[str, JSON]:
        """The last attempt of each node that is in no container, by its id."""
        rows = self.ask("GET", f"/runs/{run['id']}/nodes?limit=200")["results"]
        return {row["node"]: row for row in rows if not row["path"]}

    def _login(self, kind: str) -> tuple[str, dict[str, str]]:
        """Type and values of a credential for the server that such nodes speak to."""
        if kind == "sql":
            opened = self._relay.credential()
            return opened.type, {**opened.settings, **opened.secret}
        if kind == "mcp":
            return "mcp", {"url": self._mcp.url, "token": "scripted"}
        post = {"host": "127.0.0.1", "port": str(self.mail.port), "security": "none"}
        return "smtp", {**post, "sender": "Shop <shop@example.com>"}

    def _upload(self, name: str, content: bytes) -> str:
        return str(self.ask("POST", "/files", files={"file": (name, content)})["id"])

    def _make_collection(self, slug: str, seconds: float = 60) -> None:
        """A collection that is indexed."""
        body = {"name": slug, "slug": slug, "model": "openai_compatible/bag"}
        self.ask("POST", "/collections", body)
        for name, text in HANDBOOK.items():
            self.ask("POST", f"/collections/{slug}/documents", {"name": name, "text": text})
        deadline = time.monotonic() + seconds
        while self.ask("GET", f"/collections/{slug}")["state"] != "ready":
            assert time.monotonic() < deadline, f"the collection {slug} is not ready"
            time.sleep(0.05)

    def _make_flow(self, slug: str, versions: int) -> None:
        """The flow of that name in flows/examples, in so many versions."""
        written = ROOT / "flows" / "examples" / f"{slug.replace('-', '_')}.yaml"
        document = yaml.safe_load(written.read_text(encoding="utf-8"))
        flow = self.ask("POST", "/flows", {"document": {**document, "name": slug}})
        assert flow["slug"] == slug, f"the address {slug} is taken"
        for number in range(1, versions + 1):
            document["nodes"][0]["label"] = f"Ticket, version {number}"
            self.ask("PUT", f"/flows/{slug}/document", document)
            self.ask("POST", f"/flows/{slug}/publish")
        assert len(self.ask("GET", f"/flows/{slug}/versions")["results"]) == versions
