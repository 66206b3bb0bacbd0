"""Methods and functions of JavaScript (and of n8n's texts, lists and dates) as our filters."""

import re
from collections.abc import Callable, Sequence

from flows.importing.code import Code, Untranslatable, literal, negated, operation
from flows.importing.js_parser import Arrow, Constant, Infix, Member, Name, Prefix, Tree

type Method = Callable[[Code, list[Code]], Code]


def _filter(name: str, kind: str = "any", most: int = 0) -> Method:
    def made(code: Code, arguments: list[Code]) -> Code:
        if len(arguments) > most:
            raise Untranslatable(f"the arguments of '{name}' have no like here")
        return code.filtered(name, *arguments, kind=kind)

    return made


def _includes(code: Code, arguments: list[Code]) -> Code:
    return operation("in", _one(arguments), code, "boolean")


def _one(arguments: list[Code]) -> Code:
    if len(arguments) != 1:
        raise Untranslatable("it needs one argument")
    return arguments[0]


def starts_with(code: Code, arguments: list[Code]) -> Code:
    """Whether a text begins with another."""
    start = _one(arguments)
    cut = code.filtered("string").filtered("slice", literal(0), _size(start))
    return operation("==", cut, start, "boolean")


def ends_with(code: Code, arguments: list[Code]) -> Code:
    """Whether a text ends with another."""
    end = _one(arguments)
    if not end.literal:
        raise Untranslatable("what 'endsWith' looks for has to be a fixed text")
    if not end.value:
        return literal(True)
    cut = code.filtered("string").filtered("slice", literal(-len(str(end.value))))
    return operation("==", cut, end, "boolean")


def _size(text: Code) -> Code:
    return literal(len(str(text.value))) if text.literal else text.filtered("length")


def _replace(code: Code, arguments: list[Code]) -> Code:
    if len(arguments) != 2:
        raise Untranslatable("'replace' needs two texts")
    return code.filtered("replace", *arguments, literal(1), kind="text")


def _replace_all(code: Code, arguments: list[Code]) -> Code:
    return code.filtered("replace", *arguments[:2], kind="text")


def _slice(code: Code, arguments: list[Code]) -> Code:
    return code.filtered("slice", *(arguments or [literal(0)]), kind=code.kind)


def _join(code: Code, arguments: list[Code]) -> Code:
    return code.filtered("join", *(arguments[:1] or [literal(",")]), kind="text")


def _split(code: Code, arguments: list[Code]) -> Code:
    return code.filtered("split", _one(arguments), kind="list")


def _at(code: Code, arguments: list[Code]) -> Code:
    return Code(f"{code.safe}[{_one(arguments).text}]")


def _concat(code: Code, arguments: list[Code]) -> Code:
    sign = "~" if code.kind == "text" else "+"
    for argument in arguments:
        code = operation(sign, code, argument, code.kind)
    return code


def _fixed(code: Code, arguments: list[Code]) -> Code:
    digits = arguments[:1] or [literal(0)]
    return code.filtered("round", *digits).filtered("string", kind="text")


_PATTERN = re.compile(
    r"yyyy|yy|MMMM|MMM|MM|dd|HH|hh|mm|ss|cccc|EEEE|a|'[^']*'|[A-Za-z]+|.", re.DOTALL
)
_DATE = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dd": "%d", "HH": "%H",
    "hh": "%I", "mm": "%M", "ss": "%S", "cccc": "%A", "EEEE": "%A", "a": "%p",
}  # fmt: skip


def _format(code: Code, arguments: list[Code]) -> Code:
    pattern = _one(arguments)
    if not pattern.literal or not isinstance(pattern.value, str):
        raise Untranslatable("the form of a date has to be a fixed text")
    made = ""
    for piece in _PATTERN.findall(pattern.value):
        if piece in _DATE:
            made += _DATE[piece]
        elif piece.isalpha():
            raise Untranslatable(f"'{piece}' in the form of a date has no like here")
        else:
            made += piece.strip("'").replace("%", "%%")
    return code.filtered("date", literal(made), kind="text")


def _iso(code: Code, arguments: list[Code]) -> Code:
    return code.filtered("date", literal("%Y-%m-%dT%H:%M:%S"), kind="text")


METHODS: dict[str, Method] = {
    "toLowerCase": _filter("lower", "text"),
    "toUpperCase": _filter("upper", "text"),
    "trim": _filter("trim", "text"),
    "toString": _filter("string", "text"),
    "toNumber": _filter("float", "number"),
    "toInt": _filter("int", "number"),
    "toFloat": _filter("float", "number"),
    "toBoolean": _filter("bool", "boolean"),
    "toJsonString": _filter("json", "text"),
    "parseJson": _filter("parse_json"),
    "first": _filter("first"),
    "last": _filter("last"),
    "unique": _filter("unique", "list"),
    "removeDuplicates": _filter("unique", "list"),
    "sum": _filter("sum", "number"),
    "min": _filter("min"),
    "max": _filter("max"),
    "round": _filter("round", "number", 1),
    "keys": _filter("keys", "list"),
    "values": _filter("values", "list"),
    "base64Encode": _filter("base64", "text"),
    "hash": _filter("hash", "text", 1),
    "urlEncode": _filter("urlencode", "text"),
    "pluck": _filter("map", "list", 1),
    "isEmpty": lambda code, _: operation("==", code.filtered("length"), literal(0), "boolean"),
    "isNotEmpty": lambda code, _: operation(">", code.filtered("length"), literal(0), "boolean"),
    "includes": _includes,
    "startsWith": starts_with,
    "endsWith": ends_with,
    "split": _split,
    "join": _join,
    "slice": _slice,
    "substring": _slice,
    "replace": _replace,
    "replaceAll": _replace_all,
    "at": _at,
    "concat": _concat,
    "toFixed": _fixed,
    "toFormat": _format,
    "format": _format,
    "toISO": _iso,
    "toISOString": _iso,
    "toISODate": lambda code, _: code.filtered("date", kind="text"),
    "toDateTime": lambda code, _: code,
}


def _of(name: str, kind: str = "any") -> Callable[[list[Code]], Code]:
    return lambda arguments: _one(arguments).filtered(name, kind=kind)


def _most(name: str) -> Callable[[list[Code]], Code]:
    return lambda arguments: Code(
        f"[{', '.join(argument.text for argument in arguments)}]"
    ).filtered(name, kind="number")


def _moment(arguments: list[Code]) -> Code:
    return arguments[0] if arguments else Code("run.started_at")


FUNCTIONS: dict[str, Callable[[list[Code]], Code]] = {
    "String": _of("string", "text"),
    "Number": _of("float", "number"),
    "Boolean": lambda arguments: negated(negated(_one(arguments))),
    "parseInt": lambda arguments: arguments[0].filtered("int", kind="number"),
    "parseFloat": _of("float", "number"),
    "encodeURIComponent": _of("urlencode", "text"),
    "JSON.stringify": lambda arguments: arguments[0].filtered("json", kind="text"),
    "JSON.parse": _of("parse_json"),
    "Math.round": _of("round", "number"),
    "Math.min": _most("min"),
    "Math.max": _most("max"),
    "Math.abs": lambda arguments: Code(
        f"[{_one(arguments).text}, -{_one(arguments).safe}]"
    ).filtered("max", kind="number"),
    "Math.floor": lambda arguments: operation("//", _one(arguments), literal(1), "number"),
    "Object.keys": _of("keys", "list"),
    "Object.values": _of("values", "list"),
    "Object.entries": _of("items", "list"),
    "DateTime.now": _moment,
    "DateTime.fromISO": _moment,
    "new Date": _moment,
    "Date.now": lambda arguments: Code("run.started_at"),
}


def _path(tree: Tree, parameter: str) -> str | None:
    """`x.a.b` as 'a.b' where x is the parameter; '' for x itself."""
    keys: list[str] = []
    while isinstance(tree, Member) and isinstance(tree.key, Constant):
        keys.append(str(tree.key.value))
        tree = tree.owner
    return ".".join(keys[::-1]) if isinstance(tree, Name) and tree.name == parameter else None


def map_by(code: Code, arrow: Arrow) -> Code:
    """`list.map(x => x.a.b)`."""
    path = _path(arrow.body, arrow.parameter)
    if path is None:
        raise Untranslatable("a list can only be mapped to a part of its items")
    return code if path == "" else code.filtered("map", literal(path), kind="list")


_TESTS = {
    "===": "==",
    "==": "==",
    "!==": "!=",
    "!=": "!=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
}


def filter_by(name: str, code: Code, arrow: Arrow, translate: Callable[[Tree], Code]) -> Code:
    """`list.filter(x => x.a === 1)` and `find`, `some`, `every` with the like."""
    body, word = arrow.body, "select"
    if isinstance(body, Prefix) and body.sign == "!":
        body, word = body.value, "reject"
    arguments: Sequence[Code]
    if isinstance(body, Infix) and body.sign in _TESTS:
        path = _path(body.left, arrow.parameter)
        arguments = [literal(_TESTS[body.sign]), translate(body.right)]
    else:
        path, arguments = _path(body, arrow.parameter), []
    if path is None:
        raise Untranslatable("a list can only be filtered by one part of its items")
    if not path and arguments:
        raise Untranslatable("a list can only be filtered by a named part of its items")
    if name == "every":
        word = "reject" if word == "select" else "select"
    first = [literal(path)] if path else []
    kept = code.filtered(word, *first, *arguments, kind="list")
    if name == "find":
        return kept.filtered("first")
    if name == "filter":
        return kept
    sign = ">" if name == "some" else "=="
    return operation(sign, kept.filtered("length"), literal(0), "boolean")
