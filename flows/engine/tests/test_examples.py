"""The example flows are without problems and do what they promise."""

from pathlib import Path
from typing import Any

import pytest

import flows
from flows.engine.document import Document, dump_yaml, parse
from flows.engine.errors import NodeError
from flows.engine.node_type import HttpAnswer
from flows.engine.registry import registry
from flows.engine.tests.driver import run_flow
from flows.engine.tests.support import FakeContext, answer
from flows.engine.validate import validate

FOLDER = Path(flows.__file__).parent / "examples"
FILES = sorted(FOLDER.glob("*.yaml"))


def example(name: str) -> Document:
    return parse((FOLDER / f"{name}.yaml").read_text())


def outputs(name: str, inputs: dict[str, Any], world: FakeContext) -> dict[str, Any]:
    finish, _ = run_flow(example(name), inputs, world)
    assert finish.status == "succeeded", finish.error
    return finish.outputs


def page(text: str, status: int = 200) -> HttpAnswer:
    headers = {"content-type": "text/html"}
    return HttpAnswer(status, headers, text.encode(), "https://example.com")


def test_there_are_at_least_six() -> None:
    assert len(FILES) >= 6


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_an_example_has_no_problem_at_all(file: Path) -> None:
    document = parse(file.read_text())
    assert validate(document, registry()) == []
    assert document.description
    assert list(document.layout) == [node.id for node in document.nodes] or set(
        document.layout
    ) == {node.id for node in document.nodes}
    assert all(node.label for node in document.nodes)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_an_example_runs_on_the_workspace_default_model(file: Path) -> None:
    for node in parse(file.read_text()).nodes:
        if node.type == "llm":
            assert "model" not in node.config
            assert node.config["max_tokens"] <= 200


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_an_example_survives_export_and_import(file: Path) -> None:
    document = parse(file.read_text())
    assert parse(dump_yaml(document)) == document


def test_a_page_is_summarised_from_its_words_only() -> None:
    html = "<html><style>p {x: 1}</style><script>let a = 1 < 2;</script><p>Cats <b>sleep</b></p>"
    world = FakeContext(answers=[page(html)], models=[answer(" Cats sleep. ")])
    result = outputs("summarise_page", {"url": "https://example.com"}, world)
    assert result == {"result": {"url": "https://example.com", "summary": "Cats sleep."}}
    prompt = world.requests[0].messages[0]["content"]
    assert "Cats sleep" in prompt
    assert "let a" not in prompt
    assert "x: 1" not in prompt
    assert "in 3 short sentences" in prompt


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("billing", 'To the billing team: "Help" — urgent'),
        ("bug", "Bug: Help\nPriority: high\n\nIt broke"),
    ],
)
def test_a_ticket_is_sorted_by_kind(kind: str, step: str) -> None:
    world = FakeContext(models=[answer(f'{{"kind": "{kind}", "urgent": true}}')])
    result = outputs("triage_ticket", {"subject": "Help", "body": "It broke"}, world)
    assert result == {"result": {"kind": kind, "urgent": True, "next_step": step}}


def test_a_ticket_that_cannot_be_sorted_still_gets_a_reply() -> None:
    world = FakeContext(models=[answer("dunno"), answer("dunno"), answer("Dear customer")])
    result = outputs("triage_ticket", {"subject": "Help", "body": "It broke"}, world)
    assert result["result"] == {
        "kind": "unknown",
        "urgent": False,
        "next_step": "Dear customer",
    }


def test_three_translations_come_together() -> None:
    world = FakeContext(models=[answer("Hallo"), answer("Salut"), answer("Hola")])
    result = outputs("translate", {"original": "Hello"}, world)["result"]
    assert (result["german"], result["french"], result["spanish"]) == ("Hallo", "Salut", "Hola")
    assert result["sheet"] == "Original: Hello\nGerman: Hallo\nFrench: Salut\nSpanish: Hola"
    assert result["count"] == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (page("hi"), {"good": {"ok": True, "status": 200, "type": "text/html", "size": 2}}),
        (page(" "), {"empty": {"ok": False}}),
        (page("down", 500), {"bad": {"ok": False, "advice": "Look at the log."}}),
        (NodeError("http_timeout", "No answer."), {"bad": {"ok": False, "error": "No answer."}}),
    ],
)
def test_a_website_is_judged_by_its_answer(given: Any, expected: dict[str, Any]) -> None:
    world = FakeContext(answers=[given], models=[answer("Look at the log.")])
    result = outputs("check_website", {"url": "https://example.com"}, world)
    assert list(result) == list(expected)
    for node, value in expected.items():
        assert result[node].items() >= value.items()


def test_feedback_is_sorted_comment_by_comment_and_what_cannot_be_read_is_counted() -> None:
    good, bad = '{"about": "Search", "happy": true}', '{"about": "Bill", "happy": false}'
    # An answer that is no JSON is asked for once more.
    said = [good, "no JSON", "no JSON", bad]
    world = FakeContext(models=[answer(text) for text in said])
    inputs = {"comments": ["Nice search", "Hm", "Charged twice"]}
    result = outputs("sort_feedback", inputs, world)["result"]
    assert result["report"].split("\n") == [
        "2 comments (1 could not be read)",
        "- + Search: Nice search",
        "- - Bill: Charged twice",
    ]
    assert [entry["comment"] for entry in result["unhappy"]] == ["Charged twice"]


def test_a_post_is_improved_until_it_is_good_and_goes_out_where_a_person_says_so() -> None:
    def world(decision: str) -> FakeContext:
        said = ["One", '{"score": 5, "advice": "Shorter."}', "Two", '{"score": 9, "advice": "-"}']
        return FakeContext(models=[answer(text) for text in said], decisions=[decision])

    asked = world("approved")
    result = outputs("post_with_approval", {"news": "We moved"}, asked)
    assert result == {"post": {"text": "Two", "rounds": 2}}
    assert "Shorter." in asked.requests[2].messages[0]["content"]
    assert "One" in asked.requests[2].messages[0]["content"]
    rejected = outputs("post_with_approval", {"news": "We moved"}, world("rejected"))
    assert rejected == {"dropped": {"reason": "Nobody said why."}}


def test_a_text_is_written_criticised_and_improved() -> None:
    world = FakeContext(models=[answer("Draft"), answer("Dull"), answer("Better")])
    result = outputs("write_and_improve", {"topic": "tea"}, world)
    assert result["result"] == {"text": "Better", "draft": "Draft", "critique": "Dull"}
    assert "Critique: Dull" in world.requests[2].messages[0]["content"]


def test_notes_become_a_mail_with_numbered_actions() -> None:
    world = FakeContext(models=[answer("We met."), answer("Ann: call\n\nBob: write\n")])
    result = outputs("meeting_notes", {"notes": "raw"}, world)["result"]
    assert result["mail"].split("\n")[-3:] == ["1. Ann: call", "2. Bob: write", ""]


@pytest.mark.parametrize(
    ("tone", "how"), [("Formal ", "formally"), ("brief", "one or two"), ("", "warmly")]
)
def test_a_reply_follows_the_tone(tone: str, how: str) -> None:
    world = FakeContext(models=[answer("Thanks!")])
    inputs = {"message": "Hi", "tone": tone, "signature": "Ann"}
    result = outputs("reply_drafter", inputs, world)
    assert how in world.requests[0].messages[0]["content"]
    assert result["result"].startswith("Thanks!")
    assert result["result"].endswith("Ann")
