"""Requests that are repeated: until something is done, and from page to page."""

import asyncio
import json
from typing import Any

import pytest

from flows.engine.document import parse
from flows.engine.errors import NodeError
from flows.engine.node_type import HttpAnswer
from flows.engine.registry import registry
from flows.engine.rename import NameHidden, reference_changes
from flows.engine.sight_names import names_for
from flows.engine.tests.support import FakeContext, node_type, perform
from flows.engine.validate import validate
from flows.nodes.http import asking
from flows.nodes.http.links import links_in

URL = "https://api.example.com/x"


class Timed(FakeContext):
    """A world whose clock only goes on while somebody rests."""

    rests: list[float]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Timed:
    timed = Timed(seconds_left=1_000)
    timed.rests = []

    async def rest(seconds: float) -> None:
        timed.rests.append(seconds)
        timed.seconds_left -= seconds
        await asyncio.sleep(0)

    monkeypatch.setattr(asking, "sleep", rest)
    return timed


def reply(value: Any, status: int = 200, url: str = URL, **headers: str) -> HttpAnswer:
    named = {name.replace("_", "-"): one for name, one in headers.items()}
    return HttpAnswer(status, named, json.dumps(value).encode(), url)


def output(world: FakeContext, names: dict[str, Any] | None = None, **config: Any) -> Any:
    return perform("http", {"url": URL, **config}, world, names).output


def failure(world: FakeContext, **config: Any) -> NodeError:
    with pytest.raises(NodeError) as caught:
        output(world, **config)
    return caught.value


LOST = NodeError("timeout", "No answer.", retryable=True)


def test_a_request_is_repeated_until_the_condition_holds(world: Timed) -> None:
    world.answers = [reply({"n": 1}, 202), LOST, reply({}, 503, retry_after="9"), reply({"n": 3})]
    poll = {"until": "{{ json.n == wanted and status == 200 }}", "every_seconds": 2}
    assert output(world, {"wanted": 3}, poll=poll)["json"] == {"n": 3}
    assert world.rests == [2, 2, 9]
    assert len(world.calls) == 4


def test_what_is_never_done_is_given_up_in_time(world: Timed) -> None:
    world.answers = [reply({"n": 1}) for _ in range(20)]
    error = failure(world, poll={"until": "{{ json.n > 1 }}", "max_seconds": 20})
    assert (error.code, error.retryable, error.field) == ("poll_timeout", False, "poll")
    assert "asked 4 times" in error.message
    assert sum(world.rests) < 20


def test_the_first_failure_is_left_to_the_nodes_retry(world: Timed) -> None:
    world.answers = [LOST]
    assert failure(world, poll={"until": "{{ json }}"}) is LOST
    world.answers = [reply({}), reply({}, 404)]
    assert failure(world, poll={"until": "{{ json.n | default(0) }}"}).code == "http_status"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"poll": {"until": "{{ json.n }}"}}, "poll.until"),
        ({"poll": {"until": "{{ json }}", "every_seconds": "{{ 1 }}"}}, "poll.every_seconds"),
        ({"poll": {"until": "done"}}, "poll.until"),
        ({"paginate": {"next": "?page=2"}}, "paginate.next"),
        ({"poll": {"until": "{{ json }}"}, "method": "POST"}, None),
        ({"poll": {"until": "{{ json }}"}, "paginate": {"next": "{{ json }}"}}, None),
    ],
)
def test_a_poll_that_cannot_be_says_why(world: Timed, config: Any, field: str | None) -> None:
    world.answers = [reply({})]
    error = failure(world, **config)
    assert (error.field or None) == field


def test_pages_are_followed_by_the_link_header(world: Timed) -> None:
    world.answers = [
        reply([1, 2], link=f'<{URL}?page=0>; rel="prev", <?page=2>; rel="next last"'),
        reply([3], link="<x>; title=y"),
    ]
    made = output(world, paginate={"next": "{{ links.next }}"}, query={"q": "a"})
    assert (made["items"], made["pages"], made["has_more"]) == ([1, 2, 3], 2, False)
    assert made["json"] == [3]
    assert [(call["url"], call["query"]) for call in world.calls] == [
        (URL, {"q": "a"}),
        (f"{URL}?page=2", {}),
    ]


def test_pages_are_followed_by_number_until_one_is_empty(world: Timed) -> None:
    world.answers = [reply({"rows": [{"n": 1}]}), reply({"rows": [{"n": 2}]}), reply({"rows": []})]
    following = {"page": "{{ page + 1 if items else none }}"}
    paginate = {"next": following, "items": "{{ json.rows | map('n') }}"}
    made = output(world, paginate=paginate, query={"per": 1})
    assert (made["items"], made["pages"]) == ([1, 2], 3)
    assert [call["query"] for call in world.calls] == [
        {"per": "1"},
        {"per": "1", "page": "2"},
        {"per": "1", "page": "3"},
    ]


def test_pages_are_followed_by_a_cursor_in_the_body_each_with_a_key_of_its_own(
    world: Timed,
) -> None:
    world.answers = [reply({"a": [1], "c": "x"}), reply({"a": [2], "c": None})]
    paginate = {"next": {"cursor": "{{ json.c }}"}, "into": "body", "items": "{{ json.a }}"}
    made = output(world, method="POST", body={"q": 1}, paginate=paginate)
    assert made["items"] == [1, 2]
    assert json.loads(world.calls[1]["content"]) == {"q": 1, "cursor": "x"}
    keys = [call["headers"]["Idempotency-Key"] for call in world.calls]
    assert keys[0] == world.idempotency_key != keys[1]


@pytest.mark.parametrize(
    ("limit", "items", "pages", "more"),
    [
        ({"max_pages": 2}, [1, 2, 1, 2], 2, True),
        ({"max_items": 3}, [1, 2, 1], 2, True),
        ({"max_items": 6}, [1, 2] * 3, 3, False),
    ],
)
def test_limits_end_the_pages_and_say_that_there_are_more(
    world: Timed, limit: dict[str, int], items: list[int], pages: int, more: bool
) -> None:
    world.answers = [reply([1, 2]) for _ in range(3)]
    following = "{{ '?p=' ~ page if page < 3 else none }}"
    made = output(world, paginate={"next": following, **limit})
    assert (made["items"], made["pages"], made["has_more"]) == (items, pages, more)


@pytest.mark.parametrize(
    ("following", "code"),
    [
        (URL, "pages_repeat"),
        ("https://evil.example/x", "pages_elsewhere"),
        ("http://api.example.com/x", "pages_elsewhere"),
        ("//evil.example", "pages_elsewhere"),
        ("https://api.example.com@evil.example/", "pages_elsewhere"),
        ("https://api.example.com:99x/", "pages_elsewhere"),
        ("https://evil.example\\@api.example.com/", "pages_elsewhere"),
        ("https://api.example.com:444/", "pages_elsewhere"),
        (7, "next_invalid"),
        ({"page": 1}, None),
    ],
)
def test_a_next_page_that_cannot_be_called_is_told(
    world: Timed, following: Any, code: str | None
) -> None:
    world.answers = [reply({"n": following, "r": []})] * 2
    error = failure(world, paginate={"next": "{{ json.n }}", "items": "{{ json.r }}"})
    assert error.code == (code or "pages_repeat")
    assert error.field == "paginate.next"
    assert len(world.calls) == (1 if code else 2)


def test_the_same_origin_may_be_written_in_another_way(world: Timed) -> None:
    world.answers = [reply(["HTTPS://API.example.com:443/y"]), reply([])]
    assert output(world, paginate={"next": "{{ json[0] | default(none) }}"})["pages"] == 2


@pytest.mark.parametrize(
    ("paginate", "code", "field"),
    [
        ({"next": "{{ json.nxt }}", "items": "{{ [] }}"}, "expression_unknown_name", "next"),
        ({"next": "{{ none }}"}, "items_not_a_list", "items"),
        ({"next": {"a": 1}, "into": "body", "items": "{{ [] }}"}, "next_invalid", "next"),
    ],
)
def test_pages_that_cannot_be_read_say_why(
    world: Timed, paginate: Any, code: str, field: str
) -> None:
    world.answers = [reply({"next": None})]
    error = failure(world, body="text", paginate=paginate)
    assert (error.code, error.field) == (code, f"paginate.{field}")


def test_a_later_page_is_waited_for_and_tried_again(world: Timed) -> None:
    busy = NodeError("credential_busy", "x", retryable=True, refused=True, retry_after=20)
    paginate = {"next": "{{ '?p=2' if page == 1 else none }}", "max_seconds": 100}
    world.answers = [reply([1]), LOST, busy, busy, busy, reply([2])]
    assert output(world, paginate=paginate)["items"] == [1, 2]
    assert world.rests == [2, 20, 20, 20]
    world.answers = [reply([1]), LOST, LOST, LOST, reply([2])]
    assert failure(world, paginate=paginate) is LOST
    world.answers = [reply([1]), busy, busy, busy, busy, busy, reply([2])]
    assert failure(world, paginate=paginate) is busy


def test_all_pages_have_one_time_and_one_size(world: Timed) -> None:
    class Slow(Timed):
        async def http(self, *given: Any, **more: Any) -> HttpAnswer:
            self.seconds_left -= 40
            return await super().http(*given, **more)

    slow = Slow(seconds_left=1_000, answers=[reply([1])] * 9)
    paginate = {"next": "{{ '?p=' ~ page }}", "max_seconds": 100}
    error = failure(slow, paginate=paginate)
    assert (error.code, len(slow.calls)) == ("pages_timeout", 3)
    world.answers = [reply(["x" * 20_000_000])] * 4
    assert failure(world, paginate=paginate).code == "too_large"
    assert len(world.calls) == 3


def test_all_evaluations_of_an_attempt_have_one_budget(world: Timed) -> None:
    world.answers = [reply([0])] * 200
    heavy = "{{ '?p=' ~ page ~ (range_of | map('x') | list | length) }}"
    rows = [{"x": 1}] * 20_000
    config = {"paginate": {"next": heavy.replace(" | list", ""), "max_pages": 200}}
    with pytest.raises(NodeError) as caught:
        output(world, {"range_of": rows}, **config)
    assert caught.value.code == "expression_budget"
    assert 3 < len(world.calls) < 200


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        ({"poll": {"until": "x"}}, 330),
        ({"poll": {"until": "x", "max_seconds": 60}, "timeout_seconds": 5}, 65),
        ({"paginate": {"next": "x", "max_seconds": 900}}, 930),
        ({"poll": {}}, None),
    ],
)
def test_an_attempt_lasts_as_long_as_its_requests_may(config: Any, seconds: float | None) -> None:
    told = node_type("http").seconds_of
    assert told is not None
    assert told(config) == seconds


@pytest.mark.parametrize("config", [{"retry_statuses": [404]}, {"ok_statuses": [404, 500]}])
def test_statuses_that_may_pass_can_be_said(config: dict[str, Any]) -> None:
    asked = FakeContext(answers=[reply({}, 404), reply({}, 500)])
    if "ok_statuses" in config:
        assert output(asked, **config)["status"] == 404
        return
    assert failure(asked, **config).retryable
    assert not failure(asked, **config).retryable


def test_an_answer_beyond_the_limit_names_the_setting() -> None:
    error = failure(FakeContext(answers=[NodeError("too_large", "Too large.")]), max_bytes=10)
    assert error.field == "max_bytes"


@pytest.mark.parametrize(
    ("header", "following"),
    [
        ("<a>; rel=next", "a"),
        ('<a,b>; type="x;y"; REL="prev Next"', "a,b"),
        ("<a>; rel=nextish", None),
        ('<a>; title="rel=next"', None),
        ("<" * 20_000, None),
        ("<a>" + "; x" * 6_000 + "!", None),
    ],
)
def test_the_next_link_is_found(header: str, following: str | None) -> None:
    assert links_in(header)["next"] == following


def flow(**config: Any) -> Any:
    nodes = [
        {"id": "status", "type": "input", "config": {"fields": [{"name": "flag"}]}},
        {"id": "ask", "type": "http", "config": {"url": URL, **config}},
    ]
    return parse({"name": "x", "nodes": nodes, "edges": [{"from": "status", "to": "ask"}]})


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"poll": {"until": "{{ json.a and status == 200 and text }}"}}, None),
        ({"poll": {"until": "{{ item.a }}"}}, "unknown_reference"),
        ({"poll": {"until": "{{ page }}"}}, "unknown_reference"),
        ({"paginate": {"next": "{{ links.next if items and page else count }}"}}, None),
        ({"url": "{{ json.a }}"}, "unknown_reference"),
        ({"poll": {"until": "{{ json }}", "max_seconds": "{{ status.flag }}"}}, "config_invalid"),
    ],
)
def test_the_names_of_an_answer_hold_in_their_fields_alone(config: Any, code: str | None) -> None:
    problems = validate(flow(**config), registry())
    assert {one.code for one in problems if one.severity == "error"} == ({code} if code else set())


def test_the_editor_offers_and_renaming_keeps_the_names_of_an_answer() -> None:
    written = flow(
        poll={"until": "{{ status == 200 and json.a }}"}, query={"a": "{{ status.flag }}"}
    )
    offered = names_for(written, "ask", [], field="poll")
    assert [name.name for name in offered if name.kind == "container"] == [
        *("status", "headers", "json", "text")
    ]
    entries = {"ask": {"id": "ask", "type": "http", "config": written.nodes[1].config}}
    changes = reference_changes(entries, "status", "start", registry())
    assert [change["path"] for change in changes] == [["config", "query", "a"]]
    read = {"ask": {**entries["ask"], "config": {"poll": {"until": "{{ start.flag }}"}}}}
    with pytest.raises(NameHidden):
        reference_changes(read, "start", "json", registry())


def test_braces_of_pages_stay_text(world: Timed) -> None:
    world.answers = [reply(["{{ 1+1 }}"]), reply(["?{{ 2+2 }}"])]
    following = "{{ '?p=' ~ json[0] if page == 1 else none }}"
    made = output(world, paginate={"next": following})
    assert made["items"] == ["{{ 1+1 }}", "?{{ 2+2 }}"]
    assert world.calls[1]["url"] == f"{URL}?p={{{{ 1+1 }}}}"
