"""Every sample is imported into a readable document, honestly reported and without its secrets."""

import json
import re

import pytest

from flows.engine.document import dump, dump_yaml, parse
from flows.engine.layout import CARD_HEIGHT, CARD_WIDTH
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.importing import dify, flowise, n8n
from flows.importing.code import TO_BE_WRITTEN
from flows.importing.dify.importer import KINDS as DIFY
from flows.importing.flowise.importer import KINDS as FLOWISE
from flows.importing.n8n.kinds import KINDS as N8N
from flows.importing.reading import read
from flows.importing.result import STATUSES
from flows.importing.tests.samples_for_tests import CANARY, FOLDER, PRODUCTS, files, rates, sample

ALL = [f"{product}/{file.name}" for product in PRODUCTS for file in files(product)]
#: Least share of nodes, in percent, that is mapped or approximated in the samples.
LEAST = {"n8n": 90, "flowise": 92, "dify": 93}


@pytest.mark.parametrize("product", PRODUCTS)
def test_there_are_twelve_samples_of_each_product(product: str) -> None:
    assert len(files(product)) >= 12


@pytest.mark.parametrize("name", ALL)
def test_a_sample_becomes_a_document_that_can_be_kept(name: str) -> None:
    imported = sample(name)
    assert imported.product == name.split("/")[0]
    assert parse(dump_yaml(imported.document)) == imported.document
    assert set(imported.document.layout) == {node.id for node in imported.document.nodes}


@pytest.mark.parametrize("name", ALL)
def test_every_error_of_validation_is_named_by_the_report(name: str) -> None:
    imported = sample(name)
    told = {node for row in imported.rows if row.messages for node in row.nodes}
    for problem in validate(imported.document, registry()):
        if problem.severity != "error":
            continue
        named = any(problem.message in text for row in imported.rows for text in row.messages)
        general = any(problem.message in text for text in imported.messages)
        unwritten = TO_BE_WRITTEN in problem.message and problem.node in told
        assert named or general or unwritten, problem


@pytest.mark.parametrize("name", ALL)
def test_what_is_said_to_be_mapped_has_no_error(name: str) -> None:
    imported = sample(name)
    broken = {p.node for p in validate(imported.document, registry()) if p.severity == "error"}
    for row in imported.rows:
        if row.status == "mapped":
            assert not broken.intersection(row.nodes), row


@pytest.mark.parametrize("name", ALL)
def test_every_node_of_the_source_has_a_row_and_what_is_not_mapped_says_why(name: str) -> None:
    imported = sample(name)
    known = {node.id for node in imported.document.nodes}
    for row in imported.rows:
        assert set(row.nodes) <= known
        assert row.status in STATUSES
        assert row.messages or row.status == "mapped"
    assert sum(imported.counts.values()) == len(imported.rows)


@pytest.mark.parametrize("name", ALL)
def test_no_secret_of_a_file_is_in_what_was_made_of_it(name: str) -> None:
    assert CANARY.lower() not in json.dumps(sample(name).as_dict()).lower()


def test_the_samples_do_hold_secrets() -> None:
    texts = "".join(file.read_text() for product in PRODUCTS for file in files(product))
    assert len(re.findall(CANARY, texts)) >= 15


@pytest.mark.parametrize("name", ALL)
def test_no_card_stands_on_another(name: str) -> None:
    places = list(sample(name).document.layout.values())
    for index, one in enumerate(places):
        for other in places[index + 1 :]:
            beside = abs(one["x"] - other["x"]) >= CARD_WIDTH
            below = abs(one["y"] - other["y"]) >= CARD_HEIGHT
            assert beside or below


@pytest.mark.parametrize("product", PRODUCTS)
def test_most_nodes_of_the_samples_are_taken_over(product: str) -> None:
    found = rates(product)
    taken = 100 * (found["mapped"] + found["approximated"]) / sum(found.values())
    assert taken >= LEAST[product]
    assert found["unsupported"] > 0


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_samples_cover_every_type_of_the_tables_that_is_mapped(product: str) -> None:
    table = {"n8n": N8N, "flowise": FLOWISE, "dify": DIFY}[product]
    seen = {row.source_type for file in files(product) for row in read(file.read_text()).rows}
    short = {kind.rpartition(".")[2] for kind in seen}
    # Older names and providers share the mapping of the types that are covered.
    makers = {kind.make for name, kind in table.items() if name in short}
    missed = {n for n, kind in table.items() if kind.make not in makers}
    assert not missed


def test_the_same_file_gives_the_same_document() -> None:
    for name in ALL:
        assert dump(sample(name).document) == dump(sample(name).document)


def test_a_file_is_told_by_its_shape() -> None:
    for is_it, product in ((n8n.is_n8n, "n8n"), (flowise.is_flowise, "flowise")):
        for file in (FOLDER / product).glob("*.json"):
            assert is_it(json.loads(file.read_text()))
    assert not dify.is_dify({"nodes": []})


def test_a_form_with_files_stays_one_and_says_which_are_left_out() -> None:
    fields = [{"name": "note", "value": "hi"}, {"name": "scan", "parameterType": "formBinaryData"}]
    call = {
        "method": "POST",
        "url": "https://example.com",
        "authentication": "genericCredentialType",
        "sendBody": True,
        "contentType": "multipart-form-data",
        "bodyParameters": {"parameters": fields},
    }
    node = {"name": "Send", "type": "n8n-nodes-base.httpRequest", "parameters": call}
    imported = read(json.dumps({"name": "x", "nodes": [node], "connections": {}}))
    (sent,) = [one for one in imported.document.nodes if one.type == "http"]
    assert (sent.config["body"], sent.config["body_type"]) == ({"note": "hi"}, "multipart")
    told = " ".join(text for row in imported.rows for text in row.messages)
    assert "'scan' was left out" in told
    assert "Store its key as a credential" in told
