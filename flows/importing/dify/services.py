"""Code, knowledge and documents of Dify."""

import keyword
from typing import Any

from flows.importing import python
from flows.importing.code import Untranslatable
from flows.importing.dify.nodes import chosen
from flows.importing.draft import Shape
from flows.importing.naming import slug
from flows.importing.source import listing, mapping, mappings, number, words
from flows.importing.steps import Step, missing

JSON = Any
_MAX_MATCHES = 50


def code(step: Step) -> None:
    """A function `main` and what it is given; its result has the fields that are read."""
    config = step.config
    if config.get("code_language", "python3") != "python3":
        missing(
            step,
            "JavaScript is not run here: write it anew in Python, in a node of the type 'code'.",
        )
        return
    source = words(config.get("code"))
    takes = python.signature_of(source, "main")
    inputs: dict[str, JSON] = {}
    for raw in mappings(config.get("variables")):
        name = words(raw.get("variable"))
        inputs[name] = chosen(step, raw.get("value_selector"))
    named = ", ".join(f"{name}={name}" for name in inputs)
    if lacking := [n for n in inputs if not n.isidentifier() or keyword.iskeyword(n)]:
        raise Untranslatable(f"'{lacking[0][:40]}' is no name that Python can have")
    if not takes.is_open and (unknown := sorted(set(inputs) - takes.names)):
        step.changed(f"Its function 'main' does not take {', '.join(unknown)[:200]}.")
    if absent := sorted(takes.required - set(inputs)):
        step.changed(f"Its function 'main' is not given {', '.join(absent)[:200]}.")
    made: dict[str, JSON] = {"source": f"{source.rstrip()}\n\nresult = main({named})\n"}
    if inputs:
        made["inputs"] = inputs
    step.tell("It runs in a sandbox with a small Python; validation names what that lacks.")
    step.become("code", made, shape=Shape(("result",)))


def knowledge(step: Step) -> None:
    """A search in knowledge bases, as one in a collection that has to be made."""
    config = step.config
    query = config.get("query_variable_selector")
    if not query:
        raise Untranslatable("no query is chosen")
    sets = [words(one) for one in listing(config.get("dataset_ids"))]
    name = slug(step.label, "knowledge")
    several = mapping(config.get("multiple_retrieval_config"))
    found = several or mapping(config.get("single_retrieval_config"))
    made: dict[str, JSON] = {"collection": name, "query": chosen(step, query)}
    count = number(found.get("top_k"))
    if count and count >= 1:
        made["top_k"] = min(int(count), _MAX_MATCHES)
    step.changed(
        f"Make the collection '{name}' with the documents of the "
        f"{len(sets) or 1} knowledge base{'s' * (len(sets) > 1)}, or choose another one."
    )
    if found.get("score_threshold") or found.get("score_threshold_enabled"):
        step.changed("The least score was left out, as scores are others here: see 'min_score'.")
    if mapping(config.get("metadata_filtering_conditions")).get("conditions"):
        step.changed("Conditions on the documents' metadata were left out.")
    fields: dict[tuple[str, ...], tuple[str, ...]] = {
        ("result", "0", "content"): ("matches", "0", "text"),
        ("result", "0", "title"): ("matches", "0", "document"),
        ("result",): ("matches",),
        ("@text",): ("text",),
    }
    step.tell("A match has its words in 'text' here, not in 'content'.")
    step.become("knowledge", made, shape=Shape(fields=fields))


def document(step: Step) -> None:
    """The text of a file."""
    config = step.config
    file = chosen(step, config.get("variable_selector"))
    if config.get("is_array_file") is True:
        # One file is read here; all of a list would be a map around it.
        if file.startswith("{{ ") and file.endswith(" }}"):
            file = "{{ (" + file[3:-3] + ") | first }}"
        step.changed("Of a list only the first file is read: put it into a map for all of them.")
    step.become("file_read", {"file": file, "mode": "text"})
