"""Nodes in which a model chooses the way on, as the type `classify`."""

from collections.abc import Sequence
from typing import Any

from flows.importing.code import Untranslatable
from flows.importing.draft import Shape
from flows.importing.steps import Step, named_case

JSON = Any
#: Characters of a label's name that its text gives.
MAX_NAME = 40


def classify(
    step: Step, config: dict[str, JSON], ways: Sequence[tuple[str, str]], shape: Shape
) -> None:
    """`ways`: the port of each in the source, and what the model is told of it.

    Raises Untranslatable.
    """
    if not ways:
        raise Untranslatable("it has no classes")
    taken: set[str] = set()
    labels: list[dict[str, JSON]] = []
    exits: dict[str, str] = {}
    for number, (port, text) in enumerate(ways, 1):
        name = named_case(text[:MAX_NAME], taken, number)
        about = text.strip()[:2_000]
        labels.append({"name": name, **({"description": about} if about != name else {})})
        exits[port] = name
    step.become("classify", {**config, "labels": labels}, exits=exits, shape=shape)
    if renamed := [label["name"] for label in labels if "description" in label]:
        step.changed(f"Its labels are written so here: {', '.join(renamed)[:300]}.")
