"""The templates that come with the release: what each is for, beside its document.

Documents have no place for this, so it stands in `examples/catalogue.yml`, read once.
"""

from functools import cache
from pathlib import Path
from typing import Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent / "examples"
INDEX = FOLDER / "catalogue.yml"

type Need = Literal["model", "http", "person"]
Category = Literal["Writing", "Support", "Data", "Research", "Operations", "Decisions"]
CATEGORIES: tuple[str, ...] = get_args(Category)


class Entry(BaseModel):
    """One template. `file` is its document; `needs` is what has to be there for it to run.

    `starter`: a new workspace begins with a flow of it. `about` says in a paragraph when it helps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    category: Category
    needs: tuple[Need, ...] = ()
    starter: bool = False
    about: str = Field(min_length=40, max_length=600)

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.key}.yaml"


@cache
def catalogue() -> tuple[Entry, ...]:
    """All templates, in the order of the index. Raises pydantic's ValidationError for a bad one."""
    return tuple(Entry(**entry) for entry in yaml.safe_load(INDEX.read_text()))
