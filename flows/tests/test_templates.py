"""The templates and their index: complete, true to their documents, and each carried out."""

from typing import Any

import pytest
from pydantic import ValidationError

from flows.catalogue import CATEGORIES, FOLDER, Entry, catalogue
from flows.engine.document import parse
from flows.engine.errors import NodeError
from flows.engine.node_type import HttpAnswer
from flows.engine.tests.driver import run_flow
from flows.engine.tests.support import FakeContext, answer

each_entry = pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.key)


def _ran(key: str, inputs: dict[str, Any], world: FakeContext | None = None) -> Any:
    """The outputs of a template's run, its fields' defaults under what is given."""
    document = parse((FOLDER / f"{key}.yaml").read_text())
    finish, _ = run_flow(document, _defaults(document) | inputs, world or FakeContext())
    assert finish.status == "succeeded", finish.error
    return finish.outputs


def _defaults(document: Any) -> dict[str, Any]:
    (start,) = [node for node in document.nodes if node.type == "input"]
    return {field["name"]: field.get("default") for field in start.config["fields"]}


def _page(text: str) -> HttpAnswer:
    return HttpAnswer(200, {"content-type": "text/html"}, text.encode(), "https://example.com")


def test_every_document_is_in_the_index_once_and_the_other_way_round() -> None:
    keys = [entry.key for entry in catalogue()]
    assert sorted(keys) == sorted(file.stem for file in FOLDER.glob("*.yaml"))
    assert len(keys) >= 19
    assert {entry.category for entry in catalogue()} == set(CATEGORIES)
    names = [parse(entry.file.read_text()).name for entry in catalogue()]
    assert len(set(names)) == len(names)


@each_entry
def test_what_a_template_needs_follows_from_its_steps(entry: Entry) -> None:
    types = {node.type for node in parse(entry.file.read_text()).nodes}
    wanted = {"model": "llm", "http": "http", "person": "approval"}
    assert set(entry.needs) == {need for need, kind in wanted.items() if kind in types}


def test_an_index_with_a_wrong_entry_is_refused() -> None:
    with pytest.raises(ValidationError):
        Entry(key="x", category="Nonsense", about="y" * 50)  # type: ignore[arg-type]


def test_an_answer_is_checked_against_the_text() -> None:
    true, false = "Opened software is not taken back.", "You may keep it for ever."

    def world(quote: str) -> FakeContext:
        return FakeContext(models=[answer(f'{{"answer": "No.", "quote": "{quote}"}}')])

    assert _ran("answer_from_text", {}, world(true)) == {
        "found": {"answer": "No.", "quote": true, "checked": True}
    }
    assert _ran("answer_from_text", {}, world(false))["unsure"]["checked"] is False


def test_an_invoice_whose_sum_is_wrong_is_put_before_a_person() -> None:
    lines = '[{"what": "lamp", "amount": 80}, {"what": "chair", "amount": 120}]'

    def said(total: int) -> Any:
        return answer(f'{{"vendor": "N", "number": "1", "total": {total}, "lines": {lines}}}')

    right = _ran("read_invoice", {}, FakeContext(models=[said(200)]))
    assert right["booked"]["total"] == 200
    world = FakeContext(models=[said(210)], decisions=["approved"])
    corrected = _ran("read_invoice", {}, world)["corrected"]
    assert corrected["number"] == "1"
    refused = FakeContext(models=[said(210)], decisions=["rejected"])
    assert _ran("read_invoice", {}, refused)["refused"]["reason"] == "Refused without a word."


def test_pages_are_compared_and_unreadable_ones_left_out() -> None:
    gone = NodeError("http_timeout", "No answer.")
    world = FakeContext(
        answers=[_page("Cats"), gone, _page("Dogs")],
        models=[answer("About cats"), answer("About dogs"), answer("They differ.")],
    )
    pages = ["https://a.example", "https://b.example", "https://c.example"]
    result = _ran("compare_pages", {"question": "Pets?", "pages": pages}, world)["result"]
    assert (result["answer"], result["unread"]) == ("They differ.", 1)
    assert [entry["page"] for entry in result["notes"]] == [pages[0], pages[2]]
    assert "Page 2, https://c.example" in world.requests[2].messages[0]["content"]


def test_pages_that_cannot_be_read_at_all_fail_the_comparison() -> None:
    document = parse((FOLDER / "compare_pages.yaml").read_text())
    world = FakeContext(answers=[NodeError("http_timeout", "No answer.")])
    inputs = {"question": "?", "pages": ["https://a.example"]}
    finish, _ = run_flow(document, inputs, world)
    assert finish.status == "failed"
    assert "No answer." in str(finish.error)


def test_every_group_of_readers_gets_a_text() -> None:
    world = FakeContext(models=[answer("For you"), answer("For them"), answer("For all")])
    result = _ran("rewrite_for_readers", {}, world)["result"]
    assert result["texts"][0]["readers"] == "customers"
    assert "## For shareholders" in result["sheet"]


@pytest.mark.parametrize(
    ("amount", "decisions", "output"),
    [
        (50, [], "automatic"),
        (51, ["approved"], "decided"),
        (51, ["rejected"], "refused"),
        (1001, [], "too_much"),
    ],
)
def test_a_refund_goes_by_its_amount(amount: int, decisions: list[str], output: str) -> None:
    given = {"customer": "Ada", "amount": amount, "reason": "?"}
    assert list(_ran("approve_refund", given, FakeContext(decisions=decisions))) == [output]


def test_a_good_lead_is_sent_and_one_that_cannot_be_is_kept() -> None:
    given = {"company": "Acme", "message": "We buy.", "hook": "https://crm.example/leads"}
    good = answer('{"score": 80, "why": "Budget."}')
    world = FakeContext(models=[good], answers=[_page("ok")])
    assert _ran("score_lead", given, world)["sent"]["status"] == 200
    assert world.calls[0]["method"] == "POST"
    assert b'"Acme"' in world.calls[0]["content"]
    down = FakeContext(models=[good], answers=[NodeError("http_status", "500")])
    assert _ran("score_lead", given, down)["unsent"]["send_by_hand"] is True
    poor = FakeContext(models=[answer('{"score": 10, "why": "Spam."}')])
    assert list(_ran("score_lead", given, poor)) == ["low"]


def test_a_page_is_looked_at_until_the_word_is_there() -> None:
    gone = NodeError("http_timeout", "No answer.")
    world = FakeContext(answers=[_page("sold out"), gone, _page("Now IN STOCK!")])
    given = {"url": "https://shop.example"}
    assert _ran("watch_page", given, world)["found"]["looks"] == 3


def test_figures_are_added_up_before_the_model_sees_them() -> None:
    world = FakeContext(models=[answer("North leads.")])
    result = _ran("explain_figures", {}, world)["result"]
    assert (result["total"], result["best"]) == (2400, "North")
    assert result["table"].split("\n")[1] == "1. North: 1200 (50 %)"
    assert "2400 in all" in world.requests[0].messages[0]["content"]


def test_a_list_is_cleaned_without_a_model() -> None:
    assert _ran("clean_list", {})["result"] == {
        "good": ["ada@example.com", "alan@example.org"],
        "bad": ["grace@example"],
        "repeated": 1,
    }


def test_both_sides_of_a_plan_are_weighed() -> None:
    world = FakeContext(models=[answer("It is good"), answer("It is bad"), answer("Do it.")])
    result = _ran("pros_and_cons", {}, world)["result"]
    assert result == {"recommendation": "Do it.", "for": "It is good", "against": "It is bad"}
    assert "Against: It is bad" in world.requests[2].messages[0]["content"]


def test_a_feed_becomes_a_digest_of_its_newest_titles() -> None:
    entries = "".join(f"<item><title><![CDATA[News {n}]]></title></item>" for n in range(20))
    world = FakeContext(answers=[_page(f"<rss>{entries}</rss>")], models=[answer("News!")])
    result = _ran("feed_digest", {"url": "https://f.example", "most": 2}, world)["result"]
    assert result == {"digest": "News!", "titles": "- News 0\n- News 1"}
    empty = _ran("feed_digest", {"url": "https://f.example"}, FakeContext(answers=[_page("no")]))
    assert "no RSS entries" in empty["nothing"]["advice"]
