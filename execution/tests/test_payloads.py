"""Large values by reference: nothing is lost, nothing can be forged, nothing is stored twice."""

import json
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Workspace
from execution.blobs import blob_bytes, save_blobs
from execution.models import Blob
from execution.payloads import (
    INLINE_LIMIT,
    Externalizer,
    Literal,
    load_reference,
    resolve_references,
)
from flows.engine.errors import NodeError
from flows.engine.json_values import storable_text
from flows.engine.references import is_reference

LARGE = "word " * 20_000


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(name="One", slug=uuid.uuid4().hex)


def stored(workspace: Workspace, value: object, *, trusted: bool = False) -> object:
    out = Externalizer(trusted=trusted)
    small = out.shrink(value)
    save_blobs(workspace.id, out.blobs)
    return small


def test_a_small_value_travels_as_it_is() -> None:
    out = Externalizer()
    value = {"a": [1, None, True, "x"], "b": {"c": 1.5}}
    assert out.shrink(value) == value
    assert out.blobs == []


@pytest.mark.parametrize(
    "value",
    [
        LARGE,
        "ü" * 40_000,
        {"text": LARGE, "n": 1},
        [LARGE, {"deep": [LARGE + "!"]}],
        [{"row": index, "name": "x" * 40} for index in range(3_000)],
        {f"key{index}": index for index in range(5_000)},
    ],
)
def test_a_large_value_comes_back_whole_from_a_small_one(
    workspace: Workspace, value: object
) -> None:
    small = stored(workspace, value)
    assert len(json.dumps(small, ensure_ascii=False).encode()) <= INLINE_LIMIT
    assert resolve_references(workspace.id, small) == value


def test_an_output_keeps_its_field_names_where_it_can() -> None:
    out = Externalizer()
    small = out.shrink_object({"text": LARGE, "model": "m", "rows": ["x" * 20_000, "y" * 20_000]})
    assert small["model"] == "m"
    assert is_reference(small["text"])
    assert is_reference(small["rows"])


def test_an_output_of_thousands_of_small_fields_is_one_reference(workspace: Workspace) -> None:
    value = {f"f{index}": "x" * 90 for index in range(2_000)}
    out = Externalizer()
    small = out.shrink_object(value)
    save_blobs(workspace.id, out.blobs)
    assert is_reference(small)
    assert resolve_references(workspace.id, small) == value


def test_data_that_looks_like_a_reference_stays_data(workspace: Workspace) -> None:
    secret = stored(workspace, LARGE)
    forged = {"deep": [dict(secret)]}  # type: ignore[call-overload]
    small = stored(workspace, forged)
    assert resolve_references(workspace.id, small) == forged
    inner = load_reference(workspace.id, small["deep"][0])  # type: ignore[index]
    assert isinstance(inner, Literal)
    assert not is_reference(inner)


def test_a_reference_of_another_workspace_opens_nothing(workspace: Workspace) -> None:
    other = Workspace.objects.create(name="Two", slug=uuid.uuid4().hex)
    small = stored(workspace, LARGE)
    with pytest.raises(NodeError) as caught:
        resolve_references(other.id, small)
    assert caught.value.code == "value_missing"


def test_equal_content_is_stored_once(workspace: Workspace) -> None:
    stored(workspace, [LARGE, LARGE])
    stored(workspace, LARGE)
    assert Blob.objects.filter(workspace=workspace, kind="text").count() == 1


def test_what_an_expression_passes_on_is_not_stored_again(workspace: Workspace) -> None:
    reference = stored(workspace, LARGE)
    out = Externalizer(trusted=True)
    assert out.shrink_object({"kept": reference}) == {"kept": reference}
    assert out.blobs == []


def test_text_that_postgresql_refuses_is_made_fit(workspace: Workspace) -> None:
    assert storable_text("a\x00b") == "a\ufffdb"
    assert storable_text("a\ud800b").encode()
    stored(workspace, {"k\x00": "v\x00" * 20_000})


def test_text_is_served_as_it_was(workspace: Workspace) -> None:
    small = stored(workspace, LARGE)
    assert blob_bytes(workspace.id, small["$blob"]) == ("text", LARGE.encode())  # type: ignore[index]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
    | st.builds(lambda text, n: (text or "x") * n, st.text('aü\n"', max_size=3), st.just(20_000)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "$blob", "kind"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
@settings(max_examples=200, deadline=None)
def test_any_value_survives_the_way_through_references(value: object) -> None:
    out = Externalizer()
    small = out.shrink(value)
    blobs = {blob.digest: blob for blob in out.blobs}

    def back(item: object) -> object:
        if is_reference(item):
            blob = blobs[item["$blob"]]  # type: ignore[index]
            if blob.kind == "text":
                return blob.data.decode()
            return back_parts(json.loads(blob.data))
        return back_parts(item)

    def back_parts(item: object) -> object:
        if isinstance(item, dict):
            return {name: back(part) for name, part in item.items()}
        if isinstance(item, list):
            return [back(part) for part in item]
        return item

    assert back(small) == value
