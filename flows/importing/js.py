"""Translates a tree of JavaScript into one of our expressions, or says what has no like here."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flows.importing.code import (
    Code,
    Untranslatable,
    checked,
    choice,
    guarded,
    joined,
    literal,
    negated,
    operation,
    quoted,
)
from flows.importing.js_methods import FUNCTIONS, METHODS, filter_by, map_by
from flows.importing.js_parser import (
    Arrow,
    Call,
    Choice,
    Constant,
    Fields,
    Infix,
    Items,
    Member,
    Name,
    Pieces,
    Prefix,
    Tree,
    parse,
)

_SIGNS = {"===": "==", "!==": "!=", "==": "==", "!=": "!=", "&&": "and", "||": "or"}
_PLAIN = ("<", ">", "<=", ">=", "-", "*", "/", "%")


@dataclass(frozen=True)
class Link:
    """One step of a chain: a key, or (with `arguments`) a call of the method of that name."""

    key: Tree
    optional: bool = False
    arguments: tuple[Tree, ...] | None = None

    @property
    def name(self) -> str:
        return self.key.value if isinstance(self.key, Constant) and isinstance(
            self.key.value, str
        ) else ""  # fmt: skip


#: Given the start of a chain and its links: what it means, and how many links that used up.
type Roots = Callable[[Tree, list[Link]], tuple[Code, int] | None]


@dataclass
class Translator:
    """Translates for one place in a flow; `roots` knows the product's own names."""

    roots: Roots
    names: dict[str, Code] = field(default_factory=dict)

    def source(self, source: str) -> Code:
        """The expression of a text. Raises Untranslatable."""
        try:
            return checked(self.tree(parse(source)))
        except RecursionError as error:
            raise Untranslatable("it is nested too deeply") from error

    def tree(self, tree: Tree) -> Code:
        match tree:
            case Constant(value=value):
                return literal(value)
            case Name() | Member() | Call():
                return self._chain(tree)
            case Prefix():
                return self._prefix(tree)
            case Infix():
                return self._infix(tree)
            case Choice():
                return choice(self.tree(tree.condition), self.tree(tree.yes), self.tree(tree.no))
            case Pieces(parts=parts):
                codes = [literal(p) if isinstance(p, str) else self.tree(p) for p in parts]
                made = joined(codes) if codes else literal("")
                return made if made.kind == "text" else made.filtered("string", kind="text")
            case Items(items=items):
                return Code(f"[{', '.join(self.tree(i).text for i in items)}]", kind="list")
            case Fields(fields=fields):
                pairs = [f"{quoted(key)}: {self.tree(value).text}" for key, value in fields]
                return Code("{" + ", ".join(pairs) + " }", kind="object")
            case Arrow():
                raise Untranslatable("a function has no like here")

    def _prefix(self, tree: Prefix) -> Code:
        if tree.sign == "typeof":
            raise Untranslatable("'typeof' has no like here")
        value = self.tree(tree.value)
        if tree.sign == "!":
            return negated(value)
        if tree.sign == "+":
            return value.filtered("float", kind="number")
        if value.literal and isinstance(value.value, int | float):
            return literal(-value.value)
        return Code(f"-{value.safe}", False, "number")

    def _infix(self, tree: Infix) -> Code:
        left, right = self.tree(tree.left), self.tree(tree.right)
        if tree.sign == "+":
            if "text" in (left.kind, right.kind):
                return operation("~", left, right, "text")
            return operation("+", left, right, left.kind if left.kind == right.kind else "any")
        if tree.sign == "??":
            return Code(f"{left.safe} | default({right.text})", False)
        if tree.sign == "in":
            return operation("in", left, right, "boolean")
        if tree.sign in _PLAIN:
            kind = "number" if tree.sign in "-*/%" else "boolean"
            return operation(tree.sign, left, right, kind)
        if (right.literal and right.value is None) or (left.literal and left.value is None):
            left, right = guarded(left), guarded(right)
        kind = "any" if tree.sign in ("&&", "||") else "boolean"
        return operation(_SIGNS[tree.sign], left, right, kind)

    def _chain(self, tree: Tree) -> Code:
        start, links = _links(tree)
        known = self.roots(start, links) if not self._is_local(start) else None
        if known is not None:
            code, used = known
        else:
            code, used = self._start(start, links)
        optional = False
        for link in links[used:]:
            if link.arguments is not None:
                code = self._method(code, link)
            elif link.name == "length":
                code = code.filtered("length", kind="number")
            elif isinstance(link.key, Constant):
                code = code.get(link.key.value)
            else:
                code = Code(f"{code.safe}[{self.tree(link.key).text}]")
            optional = optional or link.optional
        return guarded(code) if optional else code

    def _is_local(self, start: Tree) -> bool:
        return isinstance(start, Name) and start.name in self.names

    def _start(self, start: Tree, links: list[Link]) -> tuple[Code, int]:
        """What a chain begins with, where the product has no meaning of its own for it."""
        if not isinstance(start, Name | Call):
            return self.tree(start), 0
        if isinstance(start, Name):
            if start.name in self.names:
                return self.names[start.name], 0
            if links and links[0].arguments is not None:
                function = FUNCTIONS.get(f"{start.name}.{links[0].name}")
                if function is not None:
                    return function([self.tree(a) for a in links[0].arguments]), 1
            raise Untranslatable(f"'{start.name}' is not known here")
        name = start.function.name if isinstance(start.function, Name) else ""
        function = FUNCTIONS.get(name)
        if function is None:
            raise Untranslatable(f"'{name or 'this function'}()' cannot be called here")
        return function([self.tree(argument) for argument in start.arguments]), 0

    def _method(self, code: Code, link: Link) -> Code:
        arguments = link.arguments or ()
        if arguments and isinstance(arguments[0], Arrow):
            if link.name == "map":
                return map_by(code, arguments[0])
            if link.name in ("filter", "find", "some", "every"):
                return filter_by(link.name, code, arguments[0], self.tree)
        method = METHODS.get(link.name)
        if method is None:
            raise Untranslatable(f"'.{link.name}()' has no like here")
        return method(code, [self.tree(argument) for argument in arguments])


def _links(tree: Tree) -> tuple[Tree, list[Link]]:
    links: list[Link] = []
    while True:
        if isinstance(tree, Member):
            links.append(Link(tree.key, tree.optional))
            tree = tree.owner
        elif isinstance(tree, Call) and isinstance(tree.function, Member):
            member = tree.function
            links.append(Link(member.key, member.optional, tree.arguments))
            tree = member.owner
        else:
            return tree, links[::-1]
