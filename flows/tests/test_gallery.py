"""The gallery of templates: found by words and category, explained, and used."""

import pytest
from django.test import Client

from accounts.models import Membership, User, Workspace
from flows.catalogue import catalogue
from flows.models import Flow
from flows.views.examples import Example, examples

HTMX = {"HX-Request": "true"}


def test_every_template_is_in_the_gallery_with_its_picture(visitor: Client) -> None:
    content = visitor.get("/templates/").content.decode()
    for entry in catalogue():
        assert f"/templates/{entry.key}/" in content
    assert content.count('<svg class="thumbnail"') == len(catalogue())
    assert "Needs nothing" in content


def test_templates_are_found_by_words_and_category(visitor: Client) -> None:
    found = visitor.get("/templates/?q=invoice", headers=HTMX).content.decode()
    assert "/templates/read_invoice/" in found
    assert "/templates/translate/" not in found
    assert "<html" not in found
    narrowed = visitor.get("/templates/?category=Writing", headers=HTMX).content.decode()
    assert "/templates/translate/" in narrowed
    assert "/templates/read_invoice/" not in narrowed
    assert 'form="template-filters"' in narrowed
    none = visitor.get("/templates/?q=invoice&category=Writing", headers=HTMX).content.decode()
    assert "No template matches" in none


@pytest.mark.parametrize("template", examples(), ids=lambda template: template.key)
def test_a_template_is_explained_step_by_step(visitor: Client, template: Example) -> None:
    content = visitor.get(f"/templates/{template.key}/").content.decode()
    steps = [node for node in template.document.nodes if node.type != "note"]
    assert f"{len(steps)} steps" in content
    assert content.count('class="node-card"') == len(template.picture.cards)
    start = next(node for node in steps if node.type == "input")
    for field in start.config["fields"]:
        assert f"<code>{field['name']}</code>" in content


def test_using_a_template_makes_the_flow_and_opens_it(visitor: Client) -> None:
    response = visitor.post("/flows/new/", {"example": "clean_list"})
    flow = Flow.objects.get(name="Clean a list of addresses")
    assert response["Location"] == f"/flows/{flow.pk}/"


def test_a_template_that_is_not_there_is_not_found(visitor: Client) -> None:
    assert visitor.get("/templates/nosuch/").status_code == 404


def test_a_viewer_looks_at_templates_and_uses_none(
    visitor: Client, owner: tuple[User, Workspace]
) -> None:
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    content = visitor.get("/templates/clean_list/").content.decode()
    assert "Step by step" in content
    assert "Use this template" not in content
    assert visitor.post("/flows/new/", {"example": "clean_list"}).status_code == 403


def test_strangers_are_sent_to_sign_in(db: None) -> None:
    for path in ("/templates/", "/templates/clean_list/", "/flows/order/", "/flows/import/"):
        assert Client().get(path)["Location"].startswith("/accounts/login/")
