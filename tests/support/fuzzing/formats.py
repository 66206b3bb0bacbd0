"""Tries of imports: the samples of other products, spoiled; what comes out can be kept."""

import json
from functools import cache
from typing import Any

import yaml

from flows.engine.document import admit, dump, dump_yaml
from flows.engine.registry import registry
from flows.engine.validate import validate
from flows.importing.reading import read
from flows.importing.result import ImportRefused
from flows.importing.tests.samples_for_tests import PRODUCTS, files
from tests.support.fuzzing.chance import Broken, Chance

JSON = Any
_CODES = (
    *("={{ $json.a.b }}", "={{ $('X').item.json['y'] ?? 'z' }}", "={{ [1,2].map(x => x * 2) }}"),
    *(
        "{{ $json",
        "={{ `a${$json.b}` }}",
        "={{ a ? b : c }}",
        "{{#start.x#}}",
        "{{#",
        "{{$flow.a}}",
    ),
    *("={{ $now.toFormat('yyyy') }}", "={{ !!$json.x && (1 + '2') }}", "=" + "{{ (" * 300),
    *("={{ $json.x.replace(/a+/g, 'b') }}", "{% if x %}{{ x }}{% endif %}", "x\n===y", "={{ }}"),
)


@cache
def samples() -> tuple[tuple[str, str], ...]:
    """(product, its file as JSON)."""
    return tuple(
        (product, json.dumps(yaml.safe_load(file.read_text())))
        for product in PRODUCTS
        for file in files(product)
    )


def made(chance: Chance) -> str:
    """The text of a file: as it is, with other code in it, nearly right, or cut."""
    _, text = chance.choice(samples())
    data = json.loads(text)
    for _ in range(chance.randrange(4)):
        put = chance.hits(0.5)
        if isinstance(data, dict):
            data = chance.nearly(data, (lambda value: chance.choice(_CODES)) if put else None)
    if chance.hits(0.1):
        data = chance.spoiled(data, share=0.03)
    text = json.dumps(data)
    return chance.cut(text) if chance.hits(0.1) else text


def tried(text: str) -> str:
    """`imported` or `refused`. Raises Broken; other exceptions are crashes as well."""
    try:
        imported = read(text)
    except ImportRefused as refused:
        if not str(refused).strip():
            raise Broken("a refusal without words") from refused
        return "refused"
    again = admit(dump_yaml(imported.document))
    if dump(again) != dump(imported.document):
        raise Broken("what was imported is another flow when it is exported")
    validate(imported.document, registry())
    return "imported"
