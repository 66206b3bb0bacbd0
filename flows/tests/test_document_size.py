"""A document has 5 MB at most, at every door and however it is sent."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.permissions import Actor
from flows import queries, services
from flows.engine.document import admit, dump_json
from flows.engine.document_text import MAX_BYTES
from flows.engine.errors import DocumentInvalid
from flows.models import Flow
from flows.tests.fixtures import GREETING, Api, assert_problem


def of_size(size: int, letter: str = "x") -> dict[str, Any]:
    """A document whose canonical text has this many bytes."""
    start, result = GREETING["nodes"]

    def made(text: str) -> dict[str, Any]:
        return {**GREETING, "nodes": [start, {**result, "config": {"value": text}}]}

    left = size - len(dump_json(admit(made(""))).encode())
    return made(letter * (left // len(letter.encode())))


LARGEST, TOO_LARGE = of_size(MAX_BYTES), of_size(MAX_BYTES + 1)
DEEP: Any = [1] * 40_000
for _ in range(90):
    DEEP = [DEEP]


def test_the_largest_document_is_stored_exported_and_put_back(api: Api) -> None:
    assert api.post("/flows", {"document": LARGEST}).status_code == 201
    exported = api.get("/flows/greeting/document").content
    assert len(exported) == MAX_BYTES
    again = api("PUT", "/flows/greeting/document", exported)
    assert again.json()["revision"] == 1


@pytest.mark.parametrize(
    "document", [TOO_LARGE, of_size(MAX_BYTES + 4, "é"), of_size(MAX_BYTES * 4)]
)
def test_a_larger_one_is_refused_as_an_object_at_every_call(
    api: Api, document: dict[str, Any]
) -> None:
    api.post("/flows", {"document": GREETING})
    for answer in (
        api.post("/flows", {"document": document}),
        api("PUT", "/flows/greeting/document", document),
    ):
        problem = assert_problem(answer, 422, "document_invalid")
        assert [entry["code"] for entry in problem["errors"]] == ["document_too_large"]
    found = api.post("/flows/validate", {"document": document}).json()["problems"]
    assert [problem["code"] for problem in found] == ["document_too_large"]
    assert Flow.objects.count() == 1


def test_a_text_that_grows_beyond_the_limit_in_its_canonical_form_is_refused() -> None:
    start, result = GREETING["nodes"]
    for grows in (DEEP, [1e76] * 80_000):
        document = {**GREETING, "nodes": [start, {**result, "config": {"value": grows}}]}
        assert len(json.dumps(document)) < MAX_BYTES // 4
        for source in (document, json.dumps(document)):
            with pytest.raises(DocumentInvalid) as caught:
                admit(source)
            assert [problem.code for problem in caught.value.problems] == ["document_too_large"]


def test_what_is_no_json_is_refused_as_such_and_not_for_its_size() -> None:
    deep: Any = []
    for _ in range(5_000):
        deep = [deep]
    for value, code in ((b"x", "document_shape"), (deep, "document_too_deep")):
        with pytest.raises(DocumentInvalid) as caught:
            admit({**GREETING, "description": value})
        assert [problem.code for problem in caught.value.problems] == [code]


def test_services_hold_the_limit_and_restoring_still_works(actor: Actor) -> None:
    flow = services.create_flow(actor, document=LARGEST)
    services.publish_flow(actor, flow)
    services.replace_draft(actor, flow, GREETING)
    with pytest.raises(DocumentInvalid):
        services.replace_draft(actor, flow, TOO_LARGE)
    restored = services.restore_version(actor, flow, 1)
    assert len(dump_json(queries.draft_document(restored)).encode()) == MAX_BYTES


def test_the_commands_hold_the_limit(actor: Actor, tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    compact = json.dumps(of_size(MAX_BYTES + 100), separators=(",", ":"))
    assert len(compact) < MAX_BYTES
    file.write_text(compact)
    for action in ("import", "validate"):
        with pytest.raises(CommandError):
            call_command("flow", action, str(file), stdout=StringIO(), stderr=StringIO())
    assert not Flow.objects.exists()
