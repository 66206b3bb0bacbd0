"""The page of node types: whole sentences, and a table of settings that is true."""

import re

from flows.engine.document import FlowSettings, parse
from flows.engine.registry import Registry
from flows.reference import EDGES, SETTINGS, nodes_page


def test_the_settings_of_the_page_are_those_of_documents() -> None:
    assert re.findall(r"^\| `(\w+)`", SETTINGS, re.MULTILINE) == list(FlowSettings.model_fields)
    example = re.search(r"settings: \{.*\}", SETTINGS)
    assert example is not None
    text = f"name: x\nnodes: []\n{example[0]}"
    assert set(parse(text).settings.as_dict()) == set(FlowSettings.model_fields) - {"execution"}


def test_the_edges_of_the_page_can_be_read() -> None:
    block = re.search(r"edges:\n(  - .*\n)+", EDGES)
    assert block is not None
    ports = [edge.port for edge in parse(f"name: x\n{block[0]}").edges]
    assert ports == ["out", "billing", "true", "approved", "error"]


def test_outputs_are_whole_and_lists_in_the_plural() -> None:
    page = nodes_page(Registry.read())
    assert "null where the deadline decided)." in page
    assert "list of texts, each up to 200 characters" in page
    assert "list of anything" in page
    assert not re.search(r"characterss|anys", page)
