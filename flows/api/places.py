"""Folders and tags as calls about flows name them: by path and by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.permissions import Actor
from flows import organizing
from flows.models import Flow, Folder, Tag
from flows.organizing_queries import folder_named, folder_tree, with_folders_below
from flows.storable import bad_text
from fluxprompt.api.problems import refuse

#: In `?folder=`: flows that are in none.
OUTSIDE = "none"


@dataclass(frozen=True)
class Placing:
    """What a call wants of a flow's place; `moves` and `tags` say whether it wants anything."""

    moves: bool = False
    folder: Folder | None = None
    tags: Sequence[Tag] | None = None

    def put(self, actor: Actor, flow: Flow) -> None:
        """Do it, in the caller's transaction."""
        if self.moves:
            organizing.move_flows(actor, [flow], self.folder)
        if self.tags is not None:
            organizing.set_tags(actor, flow, self.tags)


def placing_in(actor: Actor, body: dict[str, Any]) -> Placing:
    """The members `folder` and `tags` of a body; refuses what the workspace does not have."""
    folder = None
    if "folder" in body and body["folder"] is not None:
        folder = _folder(actor, body["folder"], status=422)
    tags = None
    if "tags" in body:
        names = body["tags"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise refuse(422, "type", "'tags' has to be a list of names.", "tags")
        tags = _tags(actor, names, path="tags", status=422)
    return Placing("folder" in body, folder, tags)


def asked_folders(actor: Actor, path: str) -> list[UUID] | None:
    """The folder of a query and those below it; none of them for `none`; None for no wish."""
    if not path:
        return None
    if path == OUTSIDE:
        return []
    return with_folders_below(folder_tree(actor), _folder(actor, path, status=400).pk)


def asked_tags(actor: Actor, names: str) -> list[UUID]:
    """The tags of a query."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    return [tag.pk for tag in _tags(actor, wanted, path="tag", status=400)]


def _folder(actor: Actor, path: Any, *, status: int) -> Folder:
    if not isinstance(path, str) or bad_text(path):
        raise refuse(422, "type", "'folder' has to be the path of a folder, or null.", "folder")
    found = folder_named(actor, path)
    if found is None:
        message = f"There is no folder '{path[:100]}'. GET /folders lists them; make it there."
        raise refuse(status, "unknown_folder", message, "folder")
    return found


def _tags(actor: Actor, names: Sequence[str], *, path: str, status: int) -> list[Tag]:
    if len(names) > organizing.MAX_TAGS:
        raise refuse(status, "too_many", "These are more tags than a workspace has.", path)
    known = {tag.name.lower(): tag for tag in Tag.objects.visible_to(actor)}
    unknown = next((name for name in names if name.lower() not in known), None)
    if unknown is not None:
        message = f"There is no tag '{unknown[:60]}'. GET /tags lists them; make it there."
        raise refuse(status, "unknown_tag", message, path)
    return [known[name.lower()] for name in names]
