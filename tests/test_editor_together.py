"""Points 11 and 16 of the editor in real browsers: two tabs, two people, no line, no lost edit."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from accounts.models import Role
from execution.tests.flows_for_tests import document, output, published, start_node
from flows.models import Flow
from flows.services import publish_flow, replace_draft, restore_version
from fluxprompt.testing.live_stack import LiveStack
from tests.support.together import WITHIN, Tab, Together

DOWN = re.compile(r"/flows/.*/(changes|draft)/")


@pytest.fixture
def together(stack: LiveStack, browser: Browser, django_db_blocker: Any) -> Iterator[Together]:
    made = Together(stack, browser, django_db_blocker)
    yield made
    made.close()


@pytest.fixture
def flow(together: Together) -> Flow:
    hello = {"id": "hello", "type": "template", "config": {"template": "Hello"}}
    nodes = [start_node("text"), hello, output("{{ hello.text }}")]
    places = {
        name: {"x": 300 * index, "y": 0} for index, name in enumerate(("start", "hello", "end"))
    }
    content = document(nodes, ["start>hello", "hello>end"], layout=places)
    return together.ask(lambda: published(together.actor, content))


def test_point_16_two_people_see_each_others_edits_within_a_second(
    together: Together, flow: Flow
) -> None:
    ada = together.open(together.person(), flow)
    grace = together.open(together.person("Grace Hopper"), flow)
    expect(ada.page.locator(".people")).to_contain_text("G")
    ada.rename("hello", "Greeting")
    expect(grace.title("hello")).to_have_text("Greeting", timeout=WITHIN)
    grace.write("hello", "Good morning")
    expect(ada.card("hello")).to_contain_text("Good morning", timeout=3 * WITHIN)
    ada.press("hello", "Control+d")
    expect(grace.card("hello_2")).to_be_visible(timeout=WITHIN)
    grace.press("hello_2", "Delete")
    expect(ada.card("hello_2")).to_have_count(0, timeout=WITHIN)
    _x_of(ada, "end", ["ArrowDown"], grace)
    for tab in (ada, grace):
        tab.saved()
    assert together.node(flow, "hello").config == {"template": "Good morning"}
    assert together.node(flow, "hello").label == "Greeting"
    assert (ada.said, grace.said) == ([], [])


def _x_of(mover: Tab, node: str, keys: list[str], seer: Tab) -> None:
    before = seer.card(node).evaluate("card => card.style.transform")
    mover.press(node, *keys)
    expect(seer.card(node)).not_to_have_css("transform", "none")
    moved = f"() => document.getElementById('card-{node}').style.transform !== {before!r}"
    seer.page.wait_for_function(moved, timeout=WITHIN)


def test_point_16_two_tabs_of_one_person_show_the_same(together: Together, flow: Flow) -> None:
    context = together.person()
    first, second = together.open(context, flow), together.open(context, flow)
    first.rename("hello", "One")
    expect(second.title("hello")).to_have_text("One", timeout=WITHIN)
    second.rename("end", "Two")
    expect(first.title("end")).to_have_text("Two", timeout=WITHIN)
    # The undo of a tab is of what was done in it.
    assert "ename a node" in first.undo_label()
    first.page.keyboard.press("Control+z")
    expect(second.title("hello")).to_have_text("Template", timeout=WITHIN)
    expect(second.title("end")).to_have_text("Two")
    assert (first.said, second.said) == ([], [])


def test_point_16_who_is_here_and_what_they_select_is_marked(
    together: Together, flow: Flow
) -> None:
    ada = together.open(together.person(), flow)
    grace = together.open(together.person("Grace Hopper"), flow)
    expect(ada.page.locator(".people .person")).to_have_count(1)
    assert ada.page.locator(".people .person").get_attribute("title") == "Grace Hopper"
    grace.title("hello").click()
    mark = ada.card("hello").get_by_role("img", name="Selected by Grace Hopper")
    expect(mark).to_be_visible(timeout=WITHIN)
    expect(mark).to_have_text("G")
    # The mark outlives the card that the server draws anew.
    ada.rename("hello", "Greeting")
    ada.saved()
    expect(mark).to_be_visible()
    # And the card's own name is not changed by it.
    expect(ada.card("hello")).to_have_attribute("aria-label", re.compile("^Greeting"))
    grace.title("end").click()
    expect(mark).to_have_count(0, timeout=WITHIN)
    grace.page.close()
    expect(ada.page.locator("[data-others]")).to_have_count(0, timeout=2 * WITHIN)
    expect(ada.page.locator(".people .person")).to_have_count(0)


def test_point_16_a_conflict_is_explained_and_theirs_can_be_taken(
    together: Together, flow: Flow
) -> None:
    ada_context = together.person()
    ada = together.open(ada_context, flow)
    grace = together.open(together.person("Grace Hopper"), flow)
    ada_context.set_offline(True)
    ada.rename("hello", "Mine")
    grace.rename("hello", "Hers")
    grace.saved()
    ada_context.set_offline(False)
    ada.saved()
    # The later one wins, and is told what it replaced.
    expect(grace.title("hello")).to_have_text("Mine", timeout=5_000)
    notice = ada.page.locator("[data-conflicts] li")
    expect(notice).to_contain_text("Grace Hopper")
    expect(notice.locator(".conflict-theirs")).to_have_text("Hers")
    notice.get_by_role("button", name="Take theirs").click()
    for tab in (ada, grace):
        expect(tab.title("hello")).to_have_text("Hers", timeout=WITHIN)
    expect(notice).to_have_count(0)
    ada.saved()
    assert together.node(flow, "hello").label == "Hers"


def test_point_16_what_was_set_aside_is_shown_until_it_is_dropped(
    together: Together, flow: Flow
) -> None:
    context = together.person()
    ada = together.open(context, flow)
    grace = together.open(together.person("Grace Hopper"), flow)
    context.set_offline(True)
    ada.rename("hello", "Mine")
    grace.press("hello", "Delete")
    grace.saved()
    context.set_offline(False)
    ada.saved()
    notice = ada.page.locator("[data-conflicts] li")
    expect(notice).to_have_count(1)
    notice.get_by_role("button", name="Try again").click()
    expect(notice).to_have_count(1)
    ada.page.reload()
    expect(notice).to_have_count(1)
    notice.get_by_role("button", name="Drop mine").click()
    expect(notice).to_have_count(0)
    kept = "Object.keys(localStorage).filter(name => name.startsWith('fluxprompt:changes'))"
    assert ada.page.evaluate(kept) == []
    assert ada.said == []


ADD = "fluxEditor.actions.addNode('http', { at: { x: 300, y: 300 } })"
RENAME = "fluxEditor.sync.commit('Rename', [{ op: 'rename_node', node: 'hello', to: 'greet' }])"


def test_point_16_keys_go_to_the_own_node_where_its_id_was_taken(
    together: Together, flow: Flow
) -> None:
    context = together.person()
    ada = together.open(context, flow, "?debug")
    grace = together.open(together.person("Grace Hopper"), flow, "?debug")
    context.set_offline(True)
    assert ada.page.evaluate(ADD) == grace.page.evaluate(ADD) == "http"
    grace.saved()
    context.set_offline(False)
    ada.saved()
    expect(ada.card("http_2")).to_be_focused()
    expect(ada.card("http_2")).to_have_attribute("data-selected", "")
    expect(ada.card("http")).not_to_have_attribute("data-selected", "")
    ada.page.keyboard.press("Delete")
    expect(grace.card("http_2")).to_have_count(0)
    ada.saved()
    assert [node.id for node in together.draft(flow).nodes if node.type == "http"] == ["http"]
    assert (ada.said, grace.said) == ([], [])


def test_point_16_a_node_that_others_rename_stays_selected(together: Together, flow: Flow) -> None:
    ada = together.open(together.person(), flow)
    grace = together.open(together.person("Grace Hopper"), flow, "?debug")
    ada.title("hello").click()
    expect(ada.card("hello")).to_be_focused()
    grace.page.evaluate(RENAME)
    expect(ada.card("greet")).to_be_focused()
    expect(ada.card("greet")).to_have_attribute("data-selected", "")
    assert (ada.said, grace.said) == ([], [])


def test_point_16_offline_changes_are_kept_counted_and_sent(together: Together, flow: Flow) -> None:
    context = together.person()
    ada = together.open(context, flow)
    grace = together.open(together.person("Grace Hopper"), flow)
    context.set_offline(True)
    ada.rename("hello", "Kept")
    ada.press("end", "Control+d")
    ada.saved("Offline, 2 changes kept")
    grace.rename("start", "Meanwhile")
    grace.saved()
    assert together.node(flow, "hello").label == ""
    context.set_offline(False)
    ada.saved()
    expect(ada.title("start")).to_have_text("Meanwhile")
    expect(grace.title("hello")).to_have_text("Kept")
    assert together.node(flow, "end_2").config == {"value": "{{ hello.text }}"}
    assert ada.said == []


def test_point_16_what_a_page_kept_comes_back_and_is_sent_once(
    together: Together, flow: Flow
) -> None:
    context = together.person()
    ada = together.open(context, flow)
    ada.saved()
    context.set_offline(True)
    ada.rename("hello", "Kept")
    ada.saved("Offline, 1 change kept")
    # The last word of a page that closes may get past a browser that is said to be offline.
    ada.page.evaluate("() => { window.fetch = () => Promise.reject(new Error('away')) }")
    ada.page.close()
    server = Server(context)
    server.is_away = True
    context.set_offline(False)
    again = together.open(context, flow)
    expect(again.title("hello")).to_have_text("Kept")
    again.saved("Offline, 1 change kept")
    server.is_away = False
    again.saved(seconds=30)
    assert together.node(flow, "hello").label == "Kept"
    labels = together.ask(lambda: list(flow.changes.values_list("label", flat=True)))
    assert labels.count("Rename a node") == 1


class Server:
    """What of the server one browser can reach: its pages always, changes and lines or not."""

    def __init__(self, context: BrowserContext) -> None:
        self.is_away = False
        context.route(DOWN, self._answer)

    def _answer(self, route: Route) -> None:
        if self.is_away:
            route.abort()
        else:
            route.continue_()


def test_point_11_each_step_has_a_name_and_typing_is_one(together: Together, flow: Flow) -> None:
    ada = together.open(together.person(), flow)
    assert ada.undo_label() == "Undo"
    ada.write("hello", "Hello you")
    expect(ada.page.locator('[data-command="undo"]')).to_have_attribute(
        "aria-label", re.compile("Undo: .+")
    )
    ada.page.get_by_role("button", name="Close the inspector").click()
    ada.press("end", "Control+d")
    ada.page.keyboard.press("Delete")
    expect(ada.card("end_2")).to_have_count(0)
    assert "delete" in ada.undo_label().lower()
    ada.page.keyboard.press("Control+z")
    expect(ada.card("end_2")).to_be_visible()
    ada.page.keyboard.press("Control+z")
    expect(ada.card("end_2")).to_have_count(0)
    ada.page.keyboard.press("Control+z")
    ada.saved()
    # All that was typed went in one step: the text is as it was before the first key.
    assert together.node(flow, "hello").config == {"template": "Hello"}
    ada.page.keyboard.press("Control+Shift+z")
    ada.saved()
    assert together.node(flow, "hello").config == {"template": "Hello you"}
    assert ada.said == []


def test_point_11_undo_leaves_what_others_did(together: Together, flow: Flow) -> None:
    ada = together.open(together.person(), flow)
    grace = together.open(together.person("Grace Hopper"), flow)
    ada.rename("hello", "Mine")
    expect(grace.title("hello")).to_have_text("Mine", timeout=WITHIN)
    ada.rename("end", "Also mine")
    grace.rename("hello", "Hers")
    expect(ada.title("hello")).to_have_text("Hers", timeout=WITHIN)
    ada.page.keyboard.press("Control+z")
    expect(ada.title("end")).to_have_text("Output")
    ada.page.keyboard.press("Control+z")
    expect(ada.page.locator("[data-say]")).to_contain_text("Somebody else changed it")
    expect(ada.title("hello")).to_have_text("Hers")
    ada.saved()
    assert together.node(flow, "hello").label == "Hers"


def test_point_11_undo_cannot_blank_the_flow(together: Together, flow: Flow) -> None:
    ada = together.open(together.person(), flow)
    ada.title("hello").click()
    for _ in range(5):
        ada.page.keyboard.press("Control+z")
    expect(ada.page.locator("[data-canvas] [data-node]")).to_have_count(3)
    expect(ada.page.locator('[data-command="undo"]')).to_have_attribute("aria-disabled", "true")
    assert len(together.draft(flow).nodes) == 3
    assert together.ask(lambda: flow.changes.count()) == 0


def _put_by_api(together: Together, flow: Flow) -> None:
    nodes = [start_node("text"), output("{{ start.text }}"), output("More", "more")]
    content = document(nodes, ["start>end", "start>more"])
    together.ask(lambda: replace_draft(together.actor, flow, content))


def _restored(together: Together, flow: Flow) -> None:
    _put_by_api(together, flow)
    together.ask(lambda: publish_flow(together.actor, flow))
    together.ask(lambda: restore_version(together.actor, flow, 1))


@pytest.mark.parametrize(
    ("write", "cards"),
    [(_put_by_api, {"start", "end", "more"}), (_restored, {"start", "hello", "end"})],
)
def test_point_16_what_is_written_elsewhere_is_followed(
    together: Together, flow: Flow, write: Callable[[Together, Flow], None], cards: set[str]
) -> None:
    ada = together.open(together.person(), flow)
    ada.rename("start", "Begin")
    ada.saved()
    write(together, flow)
    canvas = ada.page.locator("[data-canvas]")
    expect(canvas.locator("[data-node]")).to_have_count(3)
    expect(ada.title("start")).to_have_text("Input", timeout=3 * WITHIN)
    for card in cards:
        expect(ada.card(card)).to_be_visible()
    assert (
        set(canvas.locator("[data-node]").evaluate_all("all => all.map(c => c.dataset.node)"))
        == cards
    )
    ada.rename("end", "Goes on")
    ada.saved()
    assert together.node(flow, "end").label == "Goes on"
    assert ada.said == []


def test_point_16_a_viewer_follows_and_changes_nothing(together: Together, flow: Flow) -> None:
    ada = together.open(together.person(), flow)
    viewer = together.open(together.person("Vera", Role.VIEWER), flow)
    viewer.saved("Read only")
    ada.rename("hello", "Greeting")
    expect(viewer.title("hello")).to_have_text("Greeting", timeout=WITHIN)
    ada.write("hello", "Good morning")
    expect(viewer.card("hello")).to_contain_text("Good morning", timeout=3 * WITHIN)
    before = together.ask(lambda: Flow.objects.get(pk=flow.pk).revision)
    viewer.press("hello", "Delete", "ArrowDown", "d", "F2", "Escape", "Control+d")
    expect(viewer.card("hello")).to_be_visible()
    viewer.settings("hello").click()
    viewer.page.keyboard.type("x")
    assert viewer.page.get_by_label("Name of the flow").get_attribute("readonly") is not None
    viewer.saved("Read only")
    assert together.ask(lambda: Flow.objects.get(pk=flow.pk).revision) == before
    assert viewer.said == []
