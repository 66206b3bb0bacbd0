"""The controls of a form, as templates draw them: what each edits and what stands in it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flows.views.form_kinds import COMPOSED, Kind

JSON = Any
#: How the text of a control is written.
Mode = Literal["plain", "text", "json", "expression"]

#: Stand for the number of a row in the markup of a new one, and of a new row within it.
NEW_ROW, NEW_INNER_ROW = "__row__", "__inner_row__"


class Missing:
    """No value was given."""

    def __bool__(self) -> bool:
        return False


MISSING = Missing()


@dataclass(frozen=True)
class Row:
    """The parts of one row; `variant` and `title` where the list holds objects of several kinds."""

    parts: tuple["FormField", ...]
    variant: str = ""
    title: str = ""

    @property
    def first(self) -> tuple["FormField", ...]:
        return tuple(part for part in self.parts if not part.folded)

    @property
    def folded(self) -> tuple["FormField", ...]:
        """What is seen when it is asked for."""
        return tuple(part for part in self.parts if part.folded)

    @property
    def is_open(self) -> bool:
        """Whether what is folded has something to show."""
        return any(part.value is not MISSING for part in self.folded)


@dataclass(frozen=True)
class FormField:
    """One control. `path` is its place in the node, `name` its key where it is part of another.

    `value` is what the draft says, MISSING where nothing; `fields` are the parts of a group,
    `rows` the rows that are there, `fresh` what can be added: a row, or one of each variant, which
    the key `told_by` tells apart. `evaluated`: expressions in it are computed. `optional`: a group
    that is there or not.
    """

    name: str
    kind: Kind
    title: str
    path: tuple[str, ...] = ()
    id: str = ""
    description: str = ""
    required: bool = False
    default: JSON = None
    value: JSON = MISSING
    mode: Mode = "plain"
    evaluated: bool = True
    language: str = "expression"
    multiline: bool = False
    may_be_text: bool = False
    picker: str = ""
    options: tuple[str, ...] = ()
    whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None
    optional: bool = False
    folded: bool = False
    fields: tuple["FormField", ...] = ()
    rows: tuple[Row, ...] = ()
    fresh: tuple[Row, ...] = ()
    told_by: str = ""

    @property
    def path_json(self) -> str:
        return json.dumps(self.path)

    @property
    def default_json(self) -> str:
        return json.dumps(self.default, ensure_ascii=False)

    @property
    def can_switch(self) -> bool:
        """Whether it may be written in another way: as an expression, or as text."""
        if self.kind == "json":
            return self.may_be_text
        return self.evaluated and self.kind not in ("text", "group")

    @property
    def is_composed(self) -> bool:
        return self.kind in COMPOSED

    @property
    def is_on(self) -> bool:
        """Whether an optional group is there."""
        return isinstance(self.value, Mapping)

    @property
    def any_items(self) -> bool:
        """Whether it is a list of values of any kind."""
        return self.kind == "lines" and self.fresh[0].parts[0].kind == "json"

    @property
    def mark(self) -> str:
        """What stands for the number of the next row in the markup of a new one."""
        is_new = any(step.startswith(NEW_ROW) for step in self.path)
        return NEW_INNER_ROW if is_new else NEW_ROW

    @property
    def inside(self) -> Iterator["FormField"]:
        """All fields that are part of it, of rows that may be added too."""
        for part in (*self.fields, *(one for row in self.fresh for one in row.parts)):
            yield part
            yield from part.inside

    @property
    def text(self) -> str:
        """What stands in the control."""
        if self.value is MISSING or (self.value is None and self.mode != "json"):
            return ""
        if isinstance(self.value, str) and self.mode != "json":
            return self.value
        return json.dumps(self.value, ensure_ascii=False, indent=2 if self.multiline else None)

    @property
    def checked(self) -> bool:
        return bool(self.default if self.value is MISSING else self.value)

    @property
    def chosen(self) -> str:
        value = self.default if self.value is MISSING else self.value
        return "" if value is None else str(value)

    @property
    def has_blank(self) -> bool:
        """Whether a choice may be left open."""
        return self.default is None

    @property
    def placeholder(self) -> str:
        if self.default in (None, "", [], {}):
            return ""
        return self.default if isinstance(self.default, str) else self.default_json

    @property
    def more(self) -> int:
        """Rows that are there, for the number of the next."""
        return len(self.rows)
