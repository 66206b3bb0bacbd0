"""What the database will never take ends the run soon, says so, and is never paid for twice."""

import itertools
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from accounts.permissions import Actor, system_actor
from billing.models import UsageRecord
from execution.models import NodeRun
from execution.services import cancel_run, start_run
from execution.tests.flows_for_tests import (
    document,
    ended,
    llm,
    new_actor,
    output,
    published,
    run_to_end,
    start_node,
    statuses,
)
from flows.models import Flow

pytestmark = pytest.mark.usefixtures("stack")


@contextmanager
def refusing(table: str, when: str) -> Iterator[None]:
    """The database takes no such row, as it does for a value that does not fit its column."""
    name = f"refuse_{uuid.uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'does not fit' USING ERRCODE = '22P05'; END $$; "
            f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW "
            f"WHEN ({when}) EXECUTE FUNCTION {name}()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}()")


def flow_of(*nodes: dict[str, Any]) -> Flow:
    names = ["start", *(node["id"] for node in nodes)]
    edges = [f"{one}>{two}" for one, two in itertools.pairwise(names)]
    return published(new_actor(), document([start_node("text"), *nodes], edges))


def actor_of(flow: Flow) -> Actor:
    return system_actor(flow.workspace_id, "test")


@pytest.mark.parametrize("value", ['{{ "a\\x00b" }}', "{{ start.text | base64(true) }}"])
def test_text_that_postgresql_cannot_store_is_made_fit_and_the_run_succeeds(value: str) -> None:
    flow = flow_of(output(value))
    run = run_to_end(actor_of(flow), flow, {"text": "YQBi"}, 10)
    assert run.status == "succeeded"
    assert run.outputs == {"end": "a\ufffdb"}


def test_a_failure_that_names_what_cannot_be_stored_ends_the_run() -> None:
    flow = flow_of(output("{{ start[start.text | base64(true)] }}"))
    run = run_to_end(actor_of(flow), flow, {"text": "AA=="}, 10)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "expression_unknown_name"


def test_a_settled_node_that_is_refused_at_the_end_ends_the_run() -> None:
    flow = flow_of(output("{{ start.text }}"))
    with refusing("execution_noderun", "NEW.output ->> 'value' = 'no thanks'"):
        run = run_to_end(actor_of(flow), flow, {"text": "no thanks"}, 15)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "record_refused"


def test_a_settled_node_that_is_refused_on_its_way_with_a_call_ends_the_run() -> None:
    flow = flow_of(llm("ask", "{{ start.text }}"), output("{{ ask.text }}"))
    with refusing("execution_noderun", "NEW.output ->> 'text' = 'no thanks' AND NEW.type='input'"):
        run = run_to_end(actor_of(flow), flow, {"text": "no thanks"}, 15)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error["code"] == "record_refused"


def test_a_run_with_a_refused_end_can_still_be_cancelled() -> None:
    flow = flow_of(llm("ask", "{{ start.text }}", "hang"), output("{{ ask.text }}"))
    with refusing("execution_noderun", "NEW.type = 'input'"):
        run = start_run(actor_of(flow), flow, {"text": "x"}).run
        cancel_run(actor_of(flow), run)
        ended(run, 15)
    assert run.status in ("cancelled", "failed")


def test_a_result_that_is_refused_fails_its_node_once_and_is_booked_once(stack: Any) -> None:
    tag = uuid.uuid4().hex
    retry = {"max_attempts": 4, "initial_seconds": 0.1}
    flow = flow_of(llm("ask", "{{ start.text }}", retry=retry), output("{{ ask.text }}"))
    with refusing("execution_noderun", f"NEW.type = 'llm' AND NEW.output ->> 'text' = '{tag}'"):
        run = run_to_end(actor_of(flow), flow, {"text": tag}, 15)
    assert (run.status, (run.error or {})["code"]) == ("failed", "result_unstorable")
    assert sum(call.asked == tag for call in stack.model_server.calls) == 1
    assert UsageRecord.objects.filter(run_id=run.id).count() == 1
    assert run.input_tokens > 0


def test_a_failure_that_is_refused_is_recorded_barely_and_not_repeated(stack: Any) -> None:
    tag = uuid.uuid4().hex
    flow = flow_of(llm("ask", "{{ start.text }}", "error-400"), output("{{ ask.text }}"))
    with refusing("execution_noderun", f"NEW.input ->> 'prompt' = '{tag}'"):
        run = run_to_end(actor_of(flow), flow, {"text": tag}, 15)
    assert run.status == "failed"
    assert statuses(run)["ask"] == "failed"
    assert NodeRun.objects.filter(run=run, node="ask").count() == 1
    assert sum(call.asked == tag for call in stack.model_server.calls) == 1


def test_an_answer_with_half_characters_that_fits_no_schema_is_recorded_once(stack: Any) -> None:
    tag = uuid.uuid4().hex
    ask = llm("ask", "{{ start.text }}", "echo")
    ask["config"]["output_schema"] = {"type": "object", "required": ["x"]}
    flow = flow_of(ask, output("{{ ask.json }}"))
    # The model says what it was asked: JSON whose escapes are half of a character and NUL.
    asked = json.dumps({"said": f"{tag} \ud800 \x00"})
    run = run_to_end(actor_of(flow), flow, {"text": asked}, 15)
    assert (run.status, (run.error or {})["code"]) == ("failed", "output_invalid")
    assert NodeRun.objects.filter(run=run, node="ask").count() == 1
    assert sum(tag in call.asked for call in stack.model_server.calls) <= 2
