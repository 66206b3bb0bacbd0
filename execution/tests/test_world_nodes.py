"""A database, an MCP server and a mail server in one durable run."""

from typing import Any

import pytest

from accounts.services import create_credential
from execution.models import NodeRun, RunEvent
from execution.tests.database_relay_for_tests import DatabaseRelay
from execution.tests.flows_for_tests import (
    document,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
)
from execution.tests.mcp_servers_for_tests import McpServerOnLoopback
from execution.tests.test_mail_door import Server as MailServer
from tests.support.listening import listening

pytestmark = pytest.mark.usefixtures("stack")
PASSWORD = "pw-canary-of-the-database"
TOKEN = "tk-canary-of-the-tools"


def step(name: str, type: str, **config: Any) -> dict[str, Any]:
    return {"id": name, "type": type, "config": config}


def test_s12_a_run_reads_a_row_calls_a_tool_and_sends_a_mail_and_shows_no_secret() -> None:
    actor = new_actor()
    with (
        listening(DatabaseRelay()) as database,
        listening(McpServerOnLoopback()) as tools,
        listening(MailServer()) as post,
    ):
        opened = dict(database.credential().settings)
        create_credential(
            actor, name="Shop", type="postgresql", values={**opened, "password": PASSWORD}
        )
        create_credential(
            actor, name="Tools", type="mcp", values={"url": tools.url, "token": TOKEN}
        )
        mail = {"host": "127.0.0.1", "port": str(post.port), "security": "none"}
        mail["sender"] = "shop@example.com"
        create_credential(actor, name="Mail", type="smtp", values=mail)
        nodes = [
            start_node("text"),
            step(
                *("rows", "sql"),
                credential="Shop",
                query="SELECT $1::text AS said, $2::text AS secret",
                parameters=["{{ start.text }}", f"it is {PASSWORD}"],
            ),
            step(
                *("tool", "mcp"),
                credential="Tools",
                tool="said",
                arguments={"text": "{{ rows.rows[0].said }} " + TOKEN},
            ),
            step(
                *("tell", "email"),
                credential="Mail",
                to=["ada@example.com"],
                subject="{{ rows.rows[0].said }}",
                body="{{ tool.text }}",
            ),
            output({"secret": "{{ rows.rows[0].secret }}", "id": "{{ tell.message_id }}"}),
        ]
        edges = ["start>rows", "rows>tool", "tool>tell", "tell>end"]
        run = run_to_end(actor, published(actor, document(nodes, edges)), {"text": "{{ 1+1 }}"})
    assert run.error is None
    assert run.outputs is not None
    assert run.outputs["end"]["secret"] == "it is ••••"
    _, arrived = post.mails[0]
    assert arrived["Subject"] == "{{ 1+1 }}"
    assert arrived["Message-ID"] == run.outputs["end"]["id"]
    assert arrived.get_content().strip() == "{{ 1+1 }} ••••"
    made = str([row.output for row in NodeRun.objects.filter(run=run)])
    told = str(list(RunEvent.objects.filter(run=run).values()))
    for secret in (PASSWORD, TOKEN):
        assert secret not in made
        assert secret not in told
