"""The outline of a flow in the editor: read and edited by keys, in a real browser."""

import re

from playwright.sync_api import Page, expect

from tests.support.editor_try import EditorHome


def test_point_27_the_outline_shows_branches_and_containers_and_edits_them(
    home: EditorHome, page: Page
) -> None:
    home.open()
    page.get_by_role("tab", name="Outline").click()
    tree = page.get_by_role("tree", name="Outline of the flow")
    inner = tree.get_by_role("treeitem", name=re.compile("^Language model, llm")).last
    expect(inner).to_have_attribute("aria-level", "4")
    # The true branch holds the model, what follows it, and in that container its own model.
    taken = tree.get_by_role("treeitem", name="Branch true").locator("xpath=..")
    expect(taken.get_by_role("treeitem", name="Each row, map, container")).to_have_count(1)
    other = tree.get_by_role("treeitem", name="Branch false").locator("xpath=..")
    expect(other.get_by_role("treeitem")).to_have_count(2)
    fork = tree.locator("[data-key=fork]")
    fork.focus()
    page.keyboard.press("F2")
    page.keyboard.type("Is it so?")
    page.keyboard.press("Enter")
    expect(fork).to_be_focused()
    expect(fork).to_have_attribute("aria-label", "Is it so?, if")
    page.keyboard.press("ArrowLeft")
    expect(fork).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tree.locator("[data-key='fork.true']")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(tree.locator("[data-key=ask]")).to_be_focused()
    page.keyboard.press("Enter")
    assert home.calls()[-1] == "settings ask"
    page.keyboard.press("d")
    expect(tree.locator("[data-key=ask]")).to_have_attribute("aria-label", re.compile("turned off"))


def test_point_27_the_outline_adds_connects_moves_and_deletes_by_keys(
    home: EditorHome, page: Page
) -> None:
    home.open()
    page.evaluate("chrome.showOutline()")
    tree = page.get_by_role("tree", name="Outline of the flow")
    ask = tree.locator("[data-key=ask]")
    ask.focus()
    page.keyboard.press("a")
    page.keyboard.type("template")
    page.keyboard.press("Enter")
    added = tree.locator("[data-key=template]")
    expect(added).to_have_count(1)
    home.await_call('addNode template {"after":{"node":"ask","port":"out"}}')
    ask.focus()
    page.keyboard.press("c")
    page.keyboard.type("never")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => actions.edges().some(e => e.source === 'ask' && e.target === 'never')"
    )
    added.focus()
    page.keyboard.press("m")
    page.keyboard.type("each")
    page.keyboard.press("Enter")
    expect(home.said).to_contain_text("Moved into “Each row”.")
    assert page.evaluate("actions.nodes().find(n => n.id === 'template').parent") == "rows"
    tree.locator("[data-key=ask]").focus()
    page.keyboard.press("Delete")
    expect(tree.locator("[data-key=ask]")).to_have_count(0)
    expect(tree.locator("[role=treeitem]:focus")).to_have_count(1)
    page.keyboard.press("End")
    page.keyboard.press("Shift+F10")
    expect(page.get_by_role("menu", name="Node")).to_be_visible()
