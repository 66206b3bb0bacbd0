"""Expressions and templates by the rules of the language, on data that is there.

They are made by the kind of value that is wanted, so that most of them have one; now and then
another kind stands in its place, as people write it. `spoiled` is for what breaks the rules.
"""

from typing import Any

from tests.support.fuzzing.chance import Chance

JSON = Any
KINDS = ("text", "number", "list", "object", "bool")
#: What a run might hold: the names that generated expressions mention.
DATA: dict[str, JSON] = {
    "ticket": {
        "subject": "Refund  of order 7",
        "body": "Straße\nΐ 😀 <b>&amp;</b> {{ 1 + 1 }}",
        "price": 12.5,
        "count": 7,
        "urgent": True,
        "none": None,
        "created": "2026-11-26T19:24:25+01:00",
        "raw": '{"a": [1, {"b": null}], "c": "x"}',
        "code": "QWRh",
        "strange key": {"0": "zero", "": "empty"},
    },
    "rows": [
        {"id": 1, "name": "Ada", "score": 9.5, "tags": ["a", "b"], "open": True},
        {"id": 2, "name": "Grace", "score": -3, "tags": [], "open": False},
        {"id": 3, "name": "Edsger", "score": None, "tags": ["b"], "open": True, "extra": {"x": 1}},
    ],
    "numbers": [3, 1, 2, 2, 0.5, -7],
    "words": ["pear", "Apple", "pear", "fig", ""],
    "mixed": [1, "a", None, True, [], {}],
    "pairs": [["a", 1], ["b", 2]],
    "classify": {"json": {"urgent": False, "labels": {"billing": 0.7, "bug": 0.2}}, "text": "ok"},
    "item": {"name": "Ada", "n": 1},
    "index": 0,
    "run": {"id": "r1", "started_at": 1_780_000_000, "trigger": "api"},
    "vars": {"region": "eu", "limit": 3},
}
#: Filter → the kind it takes, the kind it gives, and its arguments; all but those with ! may lack.
FILTERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "default": ("any", "any", ("any", "bool")),
    "length": ("sized", "number", ()),
    "upper": ("text", "text", ()),
    "lower": ("text", "text", ()),
    "trim": ("text", "text", ("text",)),
    "replace": ("text", "text", ("letters!", "text", "count")),
    "split": ("text", "list", ("letters", "count")),
    "join": ("list", "text", ("text", "path")),
    "first": ("list", "any", ()),
    "last": ("list", "any", ()),
    "slice": ("list", "list", ("count", "count")),
    "sort": ("sortable", "list", ("none", "bool")),
    "unique": ("list", "list", ("path",)),
    "map": ("list", "list", ("path!",)),
    "select": ("list", "list", ("path", "test", "any")),
    "reject": ("list", "list", ("path", "test", "any")),
    "sum": ("numbers", "number", ()),
    "min": ("sortable", "any", ()),
    "max": ("sortable", "any", ()),
    "round": ("number", "number", ("count",)),
    "int": ("number", "number", ("number",)),
    "float": ("number", "number", ("number",)),
    "string": ("any", "text", ()),
    "bool": ("number", "bool", ()),
    "json": ("any", "text", ("count",)),
    "parse_json": ("json", "any", ()),
    "keys": ("object", "list", ()),
    "values": ("object", "list", ()),
    "items": ("object", "list", ()),
    "date": ("time", "text", ("format",)),
    "truncate": ("text", "text", ("count", "text")),
    "slug": ("text", "text", ()),
    "base64": ("text", "text", ()),
    "hash": ("text", "text", ("digest",)),
    "urlencode": ("text", "text", ()),
}
_LITERALS: dict[str, tuple[str, ...]] = {
    "text": (
        "'a'",
        '"b c"',
        "''",
        "'{{ 1 }}'",
        "'\\u00e9\\n'",
        "'\\x00'",
        "'%'",
        "'😀'",
        "'it\\'s'",
    ),
    "letters": ("'e'", "' '", "'a'", "'\\n'", "','"),
    "number": ("0", "1", "2", "7", "0.5", "1e3", "1_000", "99999999999999999999", "2.5e-3"),
    "count": ("0", "1", "2", "3"),
    "bool": ("true", "false", "True", "False"),
    "list": ("[]", "[1, 2, 3]", "['a', 'b']", "[null]", "(1, 2)", "[[1], [2]]", "[1,]"),
    "object": ("{}", "{'a': 1}", "{'a': {'b': [1]}, 'c': null}", "{1: 2}"),
    "any": ("null", "none", "None"),
    "none": ("null",),
    "path": ("'name'", "'id'", "'tags.0'", "'extra.x'", "'nope'", "''", "'0'"),
    "test": ("'=='", "'!='", "'in'", "'contains'", "'<'", "'>='"),
    "format": ("'%Y-%m-%d'", "'%H:%M'", "'%A %d %B'", "''", "'%%'"),
    "digest": ("'sha256'", "'md5'", "'sha512'", "'sha1'"),
    "time": ("ticket.created", "'2026-02-28'", "0", "run.started_at", "1.5"),
    "json": ("ticket.raw", "'[1, 2]'", "'\"x\"'", "'null'", "ticket | json", "rows | json"),
    "numbers": ("numbers", "[1, 2.5]", "[]", "rows | map('id')", "rows | map('score')"),
    "sortable": ("numbers", "words", "rows | map('name')", "rows | map('id')", "[3, 1]", "[]"),
}
_WIDER = {"sized": ("text", "list", "object"), "any": KINDS}


def paths_by_kind(data: dict[str, JSON]) -> dict[str, list[str]]:
    """How each value in the data is written, by its kind."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    todo = [(name, value) for name, value in data.items()]
    while todo:
        path, value = todo.pop()
        found.get(_kind(value), []).append(path)
        if isinstance(value, dict):
            todo += [(_key(path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            todo += [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
    return found


def _key(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}['{key}']"


def _kind(value: JSON) -> str:
    words = {bool: "bool", int: "number", float: "number", str: "text", list: "list"}
    return words.get(type(value)) or ("object" if isinstance(value, dict) else "null")


#: A large value, which is kept elsewhere; and what loads it.
LARGE = {"$blob": "ab" * 32, "kind": "json", "size": 200_000, "preview": "[{"}
LOADED = [{"name": f"n{number}", "n": number} for number in range(200)]
PATHS = paths_by_kind(DATA)
PATHS["list"] += ["large", "large | map('n')"]
PATHS["text"].append("large[7].name")


class Grammar:
    """Makes texts; `wrong` is the share of places where another kind stands than is wanted."""

    def __init__(self, chance: Chance, wrong: float = 0.03) -> None:
        self.chance = chance
        self.wrong = wrong
        self.local: list[str] = []

    def expression(self, kind: str = "any", depth: int = 0) -> str:
        """The inside of one pair of braces whose value is of a kind, if nothing goes wrong."""
        if self.chance.hits(self.wrong):
            kind = self.chance.choice((*KINDS, "any"))
        if kind in _WIDER:
            kind = self.chance.choice(_WIDER[kind])
        # Half of them are as short as people write them: the parser's time goes by their length.
        if depth > 2 or self.chance.hits((0.2, 0.4, 0.6)[depth]):
            return self._atom(kind)
        makers = [self._filtered, self._chosen, self._atom]
        special = {"text": self._joined, "number": self._sum, "bool": self._truth}
        special |= {"list": self._list, "object": self._object}
        if kind in special:
            makers += [special[kind]] * 2
        return self.chance.choice(makers)(kind, depth)

    def _atom(self, kind: str, depth: int = 0) -> str:
        if self.local and self.chance.hits(0.3):
            return self.chance.choice(self.local)
        written = [*_LITERALS.get(kind, ())]
        if kind in PATHS and (not written or self.chance.hits(0.6)):
            written = PATHS[kind]
        path = self.chance.choice(written or PATHS["text"])
        if self.chance.hits(self.wrong / 2):
            path = self.chance.choice((f"{path}.nope", "nope", f"{path}[0]", f"{path}['x']"))
        return path

    def _filtered(self, kind: str, depth: int) -> str:
        names = [name for name, (_, gives, _) in FILTERS.items() if gives in (kind, "any")]
        if not names:
            return self._atom(kind)
        name = self.chance.choice(names)
        takes, _, arguments = FILTERS[name]
        inner = self.expression(takes, depth + 1)
        written = []
        for argument in arguments:
            if not argument.endswith("!") and self.chance.hits(0.5):
                break
            written.append(self._atom(argument.rstrip("!")))
        if self.chance.hits(self.wrong):
            written += [self._atom("any")] * self.chance.randrange(1, 4)
        called = f"{name}({', '.join(written)})" if written else name
        simple = inner.replace(".", "").isidentifier()
        made = f"{inner} | {called}" if simple else f"({inner}) | {called}"
        # Whatever a filter gives, this kind is what was wanted.
        gives = FILTERS[name][1]
        cast = {"text": "string", "number": "int(0)"}.get(kind, "")
        return f"({made}) | {cast}" if gives == "any" and cast else f"({made})"

    def _chosen(self, kind: str, depth: int) -> str:
        test = self.expression("bool", depth + 1)
        yes, no = self.expression(kind, depth + 1), self.expression(kind, depth + 1)
        shape = self.chance.choice(("({y} if {t} else {n})", "({y} or {n})", "({y} and {n})"))
        return shape.format(y=yes, n=no, t=test)

    def _joined(self, kind: str, depth: int) -> str:
        parts = [self.expression("any", depth + 1) for _ in range(self.chance.randint(2, 3))]
        return "(" + " ~ ".join(parts) + ")"

    def _sum(self, kind: str, depth: int) -> str:
        left, right = self.expression("number", depth + 1), self.expression("number", depth + 1)
        sign = self.chance.choice(("+", "-", "*", "/", "//", "%"))
        return self.chance.choice((f"({left} {sign} {right})", f"-({left})", f"({left} + {right})"))

    def _truth(self, kind: str, depth: int) -> str:
        pick = self.chance.randrange(4)
        if pick == 0:
            return f"(not {self.expression('any', depth + 1)})"
        if pick == 1:
            inside = self.expression("list", depth + 1)
            return f"({self._atom('number')} {self.chance.choice(('in', 'not in'))} {inside})"
        of = self.chance.choice(("number", "text")) if pick == 2 else "number"
        signs = ("==", "!=", "<", "<=", ">", ">=")
        made = self.expression(of, depth + 1)
        for _ in range(self.chance.randint(1, 2)):
            made += f" {self.chance.choice(signs)} {self.expression(of, depth + 1)}"
        return f"({made})"

    def _list(self, kind: str, depth: int) -> str:
        parts = [self.expression("any", depth + 1) for _ in range(self.chance.randrange(4))]
        return "[" + ", ".join(parts) + "]"

    def _object(self, kind: str, depth: int) -> str:
        pairs = [
            f"{self._atom('text')}: {self.expression('any', depth + 1)}"
            for _ in range(self.chance.randrange(3))
        ]
        return "{" + ", ".join(pairs) + "}"

    def text(self) -> str:
        """A text as configs hold it: one expression, or several with words between."""
        if self.chance.hits(0.7):
            return "{{ " + self.expression() + " }}"
        parts = [self._words() + "{{" + self.expression() + "}}" for _ in range(2)]
        return "".join(parts) + self._words()

    def template(self, depth: int = 0) -> str:
        """A template with blocks in one another."""
        parts = []
        for _ in range(self.chance.randint(1, 3)):
            pick = self.chance.random()
            if depth < 2 and pick < 0.2:
                parts.append(self._if(depth))
            elif depth < 2 and pick < 0.4:
                parts.append(self._for(depth))
            elif pick < 0.85:
                parts.append("{{ " + self.expression("any", 1) + " }}")
            else:
                parts.append("{# a remark #}")
            parts.append(self._words())
        return "".join(parts)

    def _tag(self, words: str) -> str:
        return self.chance.choice((f"{{% {words} %}}", f"{{%- {words} -%}}"))

    def _if(self, depth: int) -> str:
        made = self._tag("if " + self.expression("bool", 2)) + self.template(depth + 1)
        if self.chance.hits(0.3):
            made += self._tag("elif " + self.expression("bool", 2)) + self.template(depth + 1)
        if self.chance.hits(0.5):
            made += self._tag("else") + self.template(depth + 1)
        return made + self._tag("endif")

    def _for(self, depth: int) -> str:
        name = self.chance.choice(("i", "row", "ticket", "x"))
        source, names = self.expression("list", 2), [name]
        if self.chance.hits(0.3):
            source, names = f"({self.expression('object', 3)}) | items", [name, "value"]
        before = self.local
        self.local = [*before, *names]
        test = " if " + self.expression("bool", 3) if self.chance.hits(0.2) else ""
        made = self._tag(f"for {', '.join(names)} in {source}{test}")
        self.local = [*self.local, "loop.index", "loop.last"]
        made += self.template(depth + 1)
        self.local = before
        if self.chance.hits(0.2):
            made += self._tag("else") + self.template(depth + 1)
        return made + self._tag("endfor")

    def _words(self) -> str:
        return self.chance.choice(("", " ", "Hello ", "\n", "a } b", "% ", "ß 😀", "{ x }"))
