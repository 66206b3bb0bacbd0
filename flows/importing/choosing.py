"""Nodes in which a model chooses the way on, as a question with a schema and a switch behind it."""

from collections.abc import Sequence
from typing import Any

from flows.importing.draft import Shape
from flows.importing.steps import Step, named_case

JSON = Any


def choose(
    step: Step,
    config: dict[str, JSON],
    ways: Sequence[tuple[str, str]],
    *,
    fields: dict[tuple[str, ...], tuple[str, ...]] | None = None,
) -> None:
    """`ways`: the port of each in the source, and what the model is told of it."""
    names = [text for _, text in ways]
    listed = "\n".join(f"- {name}" for name in names)
    asked = f"{config['prompt']}\n\nChoose exactly one of these:\n{listed}"
    choice = {"type": "string", "enum": names or [""]}
    schema = {"type": "object", "properties": {"choice": choice}, "required": ["choice"]}
    shape = Shape(fields=fields or {("output",): ("json", "choice")})
    step.become("llm", {**config, "prompt": asked, "output_schema": schema}, shape=shape)
    taken: set[str] = set()
    cases = []
    exits = {}
    name = step.draft.new_id(f"{step.id}_way")
    for number, (port, text) in enumerate(ways, 1):
        case = named_case(text[:40], taken, number)
        cases.append({"name": case, "when": text})
        exits[port] = (name, case)
    value = f"{{{{ {step.id}.json.choice }}}}"
    step.then("way", "switch", {"value": value, "cases": cases}, name)
    made = step.draft.made[step.source.id]
    made.exits = {**{k: v for k, v in made.exits.items() if k == "@error"}, **exits}
    made.last = None
    step.changed("A model chooses the way on by an answer with a schema; a switch takes it.")
