"""The pages that keep flows in order: ticked flows, folders, tags, names, copies."""

import io
import zipfile

import pytest
from django.test import Client

from accounts.models import Membership, User, Workspace
from accounts.permissions import ROLE_ACTIONS, Actor
from flows import organizing
from flows.engine.document import parse
from flows.models import Flow, Folder, Tag
from flows.services import create_flow
from flows.tests.fixtures import GREETING


@pytest.fixture
def flow(actor: Actor) -> Flow:
    return create_flow(actor, document=GREETING)


@pytest.fixture
def others(db: None, without_examples: None) -> tuple[Flow, Folder, Tag]:
    """A flow, a folder and a tag of another workspace."""
    workspace = Workspace.objects.create(name="Elsewhere", slug="elsewhere")
    stranger = Actor(workspace.id, "stranger", ROLE_ACTIONS["owner"])
    return (
        create_flow(stranger, name="Theirs"),
        organizing.create_folder(stranger, name="Theirs"),
        organizing.create_tag(stranger, name="theirs"),
    )


def _said(response: object) -> list[str]:
    return [str(message) for message in response.context["messages"]]  # type: ignore[attr-defined]


def _bulk(visitor: Client, action: str, *flows: Flow, **more: object) -> object:
    given = {"action": action, "flow": [str(flow.pk) for flow in flows], **more}
    return visitor.post("/flows/bulk/", given, follow=True)


def test_ticked_flows_are_moved_and_tagged(visitor: Client, flow: Flow, actor: Actor) -> None:
    folder = organizing.create_folder(actor, name="Clients")
    tag = organizing.create_tag(actor, name="live")
    other = create_flow(actor, name="Other")
    assert _said(_bulk(visitor, "move", flow, other, folder=folder.pk)) == [
        "2 flows moved to “Clients”."
    ]
    assert _said(_bulk(visitor, "tag", flow, tag=tag.pk)) == ["1 flow got the tag “live”."]
    assert folder.flows.count() == 2
    assert list(tag.flows.all()) == [flow]
    assert _said(_bulk(visitor, "untag", flow, tag=tag.pk)) == ["“live” was taken off 1 flow."]
    assert _said(_bulk(visitor, "move", flow, folder="")) == ["1 flow moved out of any folder."]


def test_ticked_flows_are_published_and_what_cannot_be_is_named(
    visitor: Client, flow: Flow, actor: Actor
) -> None:
    broken = create_flow(actor, name="Broken")
    broken.nodes.filter(key="start").delete()
    said = _said(_bulk(visitor, "publish", flow, broken))
    assert said[0].startswith("“Broken” was not published: ")
    assert said[1] == "1 flow published."
    assert _said(_bulk(visitor, "publish", flow)) == ["0 flows published; 1 had nothing new."]


def test_ticked_flows_are_exported_as_documents(visitor: Client, flow: Flow, actor: Actor) -> None:
    other = create_flow(actor, name="Other")
    response = visitor.post("/flows/bulk/", {"action": "export", "flow": [flow.pk, other.pk]})
    assert response["Content-Type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]
    assert sorted(archive.namelist()) == ["greeting.yaml", "other.yaml"]
    assert parse(archive.read("greeting.yaml")).name == "Greeting"


def test_deleting_lists_the_flows_and_who_uses_them_before_anything_goes(
    visitor: Client, flow: Flow, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = {"id": "call", "type": "subflow", "config": {"flow": flow.slug}}
    create_flow(actor, document={**GREETING, "name": "Caller", "nodes": [step], "edges": []})
    busy = create_flow(actor, name="Busy")

    def refusal(asked: Flow) -> str | None:
        return "1 run has not ended yet." if asked.pk == busy.pk else None

    monkeypatch.setattr("flows.views.bulk.deletion_refusal", refusal)
    monkeypatch.setattr("flows.services.deletion_refusal", refusal)
    page = _bulk(visitor, "delete", flow, busy)
    content = page.content.decode()  # type: ignore[attr-defined]
    assert "Delete 1 flow?" in content
    assert "In use: Caller runs it as a sub-flow" in content
    assert "1 run has not ended yet." in content
    assert Flow.objects.count() == 3
    said = _said(_bulk(visitor, "delete", flow, busy, confirmed="1"))
    assert said == ["“Busy” was not deleted: 1 run has not ended yet.", "1 flow deleted."]
    assert not Flow.objects.filter(pk=flow.pk).exists()


@pytest.mark.parametrize(("action", "word"), [("move", "Tick the flows"), ("nosuch", "Choose")])
def test_without_ticks_or_a_known_action_nothing_is_done(
    visitor: Client, flow: Flow, action: str, word: str
) -> None:
    flows = [flow] if action == "nosuch" else []
    assert word in _said(_bulk(visitor, action, *flows))[0]


def test_no_more_than_a_hundred_flows_are_taken_at_once(
    visitor: Client, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.views.bulk.MOST", 1)
    page = visitor.post("/flows/bulk/", {"action": "move", "flow": ["x", "y"]}, follow=True)
    assert _said(page) == ["These are 2 flows. Tick 1 at most."]


def test_answers_never_lead_to_another_site(visitor: Client, flow: Flow) -> None:
    for wanted, led in (("https://evil.example/", "/"), ("/?q=a", "/?q=a")):
        given = {"action": "move", "flow": [flow.pk], "next": wanted}
        assert visitor.post("/flows/bulk/", given)["Location"] == led


def test_a_flow_is_renamed_in_its_place_on_the_list(visitor: Client, flow: Flow) -> None:
    path, htmx = f"/flows/{flow.pk}/name/", {"HX-Request": "true"}
    form = visitor.get(path, headers=htmx).content.decode()
    assert 'value="Greeting"' in form
    assert "<html" not in form
    shown = visitor.post(path, {"name": "Hello"}, headers=htmx).content.decode()
    assert ">Hello</a>" in shown
    refused = visitor.post(path, {"name": " "}, headers=htmx)
    assert refused.status_code == 422
    assert "1 to 200 characters" in refused.content.decode()
    assert "<html" in visitor.get(path).content.decode()
    assert visitor.post(path, {"name": "Plain"})["Location"] == "/"
    flow.refresh_from_db()
    assert flow.name == "Plain"
    assert ">Plain</a>" in visitor.get(f"{path}?shown", headers=htmx).content.decode()


def test_a_flow_is_duplicated_and_the_copy_opened(visitor: Client, flow: Flow) -> None:
    response = visitor.post(f"/flows/{flow.pk}/duplicate/")
    copy = Flow.objects.get(name="Greeting (copy)")
    assert response["Location"] == f"/flows/{copy.pk}/"


def test_folders_and_tags_are_kept_on_their_page(visitor: Client) -> None:
    visitor.post("/flows/folders/new/", {"name": "Clients"})
    folder = Folder.objects.get()
    visitor.post("/flows/folders/new/", {"name": "Acme", "parent": folder.pk})
    said = visitor.post("/flows/folders/new/", {"name": "clients"}, follow=True)
    assert "already" in _said(said)[-1]
    visitor.post(f"/flows/folders/{folder.pk}/rename/", {"name": "Customers"})
    visitor.post("/flows/tags/new/", {"name": "live", "colour": "green"})
    tag = Tag.objects.get()
    visitor.post(f"/flows/tags/{tag.pk}/change/", {"name": "Live", "colour": "pink"})
    content = visitor.get("/flows/order/").content.decode()
    assert "Customers/Acme" in content
    assert 'data-colour="pink"' in content
    visitor.post(f"/flows/folders/{folder.pk}/delete/")
    visitor.post(f"/flows/tags/{tag.pk}/delete/")
    assert list(Folder.objects.values_list("name", "parent")) == [("Acme", None)]
    assert not Tag.objects.exists()


def test_what_is_of_another_workspace_is_not_found(
    visitor: Client, flow: Flow, others: tuple[Flow, Folder, Tag]
) -> None:
    theirs, folder, tag = others
    for path in (
        f"/flows/{theirs.pk}/name/",
        f"/flows/{theirs.pk}/duplicate/",
        f"/flows/folders/{folder.pk}/rename/",
        f"/flows/folders/{folder.pk}/delete/",
        f"/flows/tags/{tag.pk}/change/",
        f"/flows/tags/{tag.pk}/delete/",
    ):
        assert visitor.post(path, {"name": "x"}).status_code == 404, path
    for action, more in (("move", {"folder": folder.pk}), ("tag", {"tag": tag.pk})):
        given = {"action": action, "flow": [flow.pk], **more}
        assert visitor.post("/flows/bulk/", given).status_code == 404
    assert "Tick the flows first" in _said(_bulk(visitor, "delete", theirs, confirmed="1"))[0]
    assert (
        visitor.post("/flows/folders/new/", {"name": "x", "parent": folder.pk}).status_code == 404
    )
    assert visitor.get(f"/?folder={folder.pk}").status_code == 404
    assert Flow.objects.filter(pk=theirs.pk).exists()


def test_a_viewer_sees_the_order_and_changes_none_of_it(
    visitor: Client, flow: Flow, owner: tuple[User, Workspace], actor: Actor
) -> None:
    folder = organizing.create_folder(actor, name="Clients")
    tag = organizing.create_tag(actor, name="live")
    Membership.objects.filter(user=owner[0]).update(role="viewer")
    assert "Clients" in visitor.get("/flows/order/").content.decode()
    assert b'name="flow"' not in visitor.get("/").content
    for path, given in (
        ("/flows/folders/new/", {"name": "x"}),
        (f"/flows/folders/{folder.pk}/rename/", {"name": "x"}),
        (f"/flows/folders/{folder.pk}/delete/", {}),
        ("/flows/tags/new/", {"name": "x"}),
        (f"/flows/tags/{tag.pk}/change/", {"name": "x"}),
        (f"/flows/tags/{tag.pk}/delete/", {}),
        (f"/flows/{flow.pk}/name/", {"name": "x"}),
        (f"/flows/{flow.pk}/duplicate/", {}),
        *(
            ("/flows/bulk/", {"action": action, "flow": flow.pk, "tag": tag.pk, "confirmed": "1"})
            for action in ("move", "tag", "untag", "publish", "delete")
        ),
    ):
        assert visitor.post(path, given).status_code == 403, (path, given)
