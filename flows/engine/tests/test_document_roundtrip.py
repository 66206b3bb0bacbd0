"""Any document survives export and import byte by byte; any text is read or refused."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.document import Document, digest, dump_json, dump_yaml, parse
from flows.engine.errors import DocumentInvalid

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 10**77, 10**77 - 1)
    | st.floats(-9.9e76, 9.9e76)
    | _TEXT
    | st.sampled_from(
        [
            "on",
            "1e3",
            "0x1F",
            "null",
            " x",
            "x \ny",
            "a\n\n b\n",
            "\n",
            "|",
            "- a",
            "#",
            "{{ x }}",
            "%",
            "\u2028a\nb",
            "\x85\n",
        ]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_RETRIES = st.fixed_dictionaries(
    {},
    optional={
        "max_attempts": st.integers(1, 20),
        "initial_seconds": st.integers(0, 3600) | st.floats(0, 3600),
        "backoff": st.sampled_from([1, 1.5, 2]),
        "max_seconds": st.sampled_from([0, 30, 60.5]),
        "if": st.sampled_from(["{{ true }}", "{{ error.status == 429 }}\n"]) | _TEXT.filter(len),
    },
)
_NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z")


@st.composite
def _documents(draw: st.DrawFn) -> Document:
    names = draw(st.lists(_NAMES, min_size=1, max_size=5, unique=True))
    nodes = [
        {
            "id": name,
            "type": draw(_NAMES),
            "label": draw(_TEXT),
            "config": draw(st.dictionaries(_TEXT, _JSON, max_size=3)),
            "on_error": draw(st.sampled_from(["stop", "continue", "branch"])),
            "timeout_seconds": draw(st.none() | st.floats(0.001, 1_000)),
            "retry": draw(st.none() | _RETRIES),
        }
        for name in names
    ]
    edges = [{"from": f"{a}.p", "to": b} for a in names for b in names if draw(st.booleans())]
    name, about = draw(_TEXT.filter(len)), draw(_TEXT)
    return parse({"name": name, "description": about, "nodes": nodes, "edges": edges})


@settings(max_examples=300, deadline=None)
@given(_documents())
def test_any_document_survives_export_and_import_byte_by_byte(document: Document) -> None:
    as_json, as_yaml = dump_json(document), dump_yaml(document)
    assert dump_json(parse(as_json)) == as_json
    assert dump_yaml(parse(as_yaml)) == as_yaml
    assert dump_json(parse(as_yaml)) == as_json
    assert digest(parse(as_yaml)) == digest(document)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_a_document_or_refused(source: str | bytes) -> None:
    with contextlib.suppress(DocumentInvalid):
        assert isinstance(parse(source), Document)
