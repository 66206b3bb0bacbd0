"""Writes that keep flows in order: folders, tags, copies. Nothing here changes a draft."""

from collections.abc import Iterable, Sequence

from django.db import IntegrityError, transaction

from accounts.models import Workspace
from accounts.permissions import Actor
from accounts.services import audit
from flows.draft import read_draft
from flows.models import Flow, Folder, Tag
from flows.organizing_models import NAME_LENGTH, TagColour
from flows.organizing_queries import SEPARATOR
from flows.services import create_flow
from flows.sharing import require_on
from flows.storable import bad_text

MAX_DEPTH = 5
MAX_FOLDERS = 500
MAX_TAGS = 200
MAX_TAGS_OF_A_FLOW = 20


class NameRefused(Exception):
    """A folder or tag cannot be called so; the message says why and what would do."""

    code = "name_refused"


class LimitReached(Exception):
    """The workspace or the flow has as many of these as it may."""

    code = "limit_reached"


class PlaceGone(Exception):
    """A folder or tag that is not there, or not in this workspace."""

    code = "not_found"


def create_folder(actor: Actor, *, name: str, parent: Folder | None = None) -> Folder:
    """A new folder, in `parent` or at the top. Raises NameRefused, LimitReached, PlaceGone."""
    actor.require("flow.edit")
    name = _checked(name, forbidden=SEPARATOR)
    with transaction.atomic():
        _hold(actor)
        if parent is not None:
            parent = _own_folder(actor, parent)
            if _depth(parent) >= MAX_DEPTH:
                raise LimitReached(
                    f"Folders go {MAX_DEPTH} levels deep, and '{parent.name}' is at the last one. "
                    "Make the new folder further up."
                )
        if Folder.objects.filter(workspace_id=actor.workspace_id).count() >= MAX_FOLDERS:
            raise LimitReached(f"A workspace has {MAX_FOLDERS} folders at most. Delete some first.")
        try:
            with transaction.atomic():
                folder = Folder.objects.create(
                    workspace_id=actor.workspace_id, name=name, parent=parent
                )
        except IntegrityError as error:
            raise _taken("folder", name) from error
        audit(actor, "folder.create", folder, name=name)
    return folder


def rename_folder(actor: Actor, folder: Folder, *, name: str) -> Folder:
    """Give a folder another name. Raises NameRefused, PlaceGone."""
    actor.require("flow.edit")
    name = _checked(name, forbidden=SEPARATOR)
    with transaction.atomic():
        held = _own_folder(actor, folder)
        before, held.name = held.name, name
        _save_named(held, "folder")
        audit(actor, "folder.rename", held, name=name, before=before)
    return held


def delete_folder(actor: Actor, folder: Folder) -> None:
    """Delete a folder; what is in it goes one up. Raises NameRefused, PlaceGone."""
    actor.require("flow.edit")
    with transaction.atomic():
        _hold(actor)
        held = _own_folder(actor, folder)
        try:
            with transaction.atomic():
                held.children.update(parent=held.parent_id)
        except IntegrityError as error:
            raise NameRefused(
                f"'{held.name}' holds a folder of a name that is taken where it would go. "
                "Rename that one first."
            ) from error
        flows = held.flows.update(folder=held.parent_id)
        audit(actor, "folder.delete", held, name=held.name, flows=flows)
        held.delete()


def create_tag(actor: Actor, *, name: str, colour: str = TagColour.GRAY) -> Tag:
    """A new tag. Raises NameRefused, LimitReached."""
    actor.require("flow.edit")
    name = _checked(name, forbidden=",")
    _check_colour(colour)
    with transaction.atomic():
        _hold(actor)
        if Tag.objects.filter(workspace_id=actor.workspace_id).count() >= MAX_TAGS:
            raise LimitReached(f"A workspace has {MAX_TAGS} tags at most. Delete some first.")
        try:
            with transaction.atomic():
                tag = Tag.objects.create(workspace_id=actor.workspace_id, name=name, colour=colour)
        except IntegrityError as error:
            raise _taken("tag", name) from error
        audit(actor, "tag.create", tag, name=name)
    return tag


def change_tag(
    actor: Actor, tag: Tag, *, name: str | None = None, colour: str | None = None
) -> Tag:
    """Another name or colour, wherever the tag is used. Raises NameRefused, PlaceGone."""
    actor.require("flow.edit")
    with transaction.atomic():
        held = _own_tag(actor, tag)
        if name is not None:
            held.name = _checked(name, forbidden=",")
        if colour is not None:
            _check_colour(colour)
            held.colour = colour
        _save_named(held, "tag")
        audit(actor, "tag.edit", held, name=held.name, colour=held.colour)
    return held


def delete_tag(actor: Actor, tag: Tag) -> None:
    """Delete a tag and take it off every flow. Raises PlaceGone."""
    actor.require("flow.edit")
    with transaction.atomic():
        held = _own_tag(actor, tag)
        audit(actor, "tag.delete", held, name=held.name, flows=held.flows.count())
        held.delete()


def move_flows(actor: Actor, flows: Iterable[Flow], folder: Folder | None) -> int:
    """Put flows into a folder, or out of any; how many were elsewhere. Raises PlaceGone.

    Neither the drafts nor the times of their last change are touched.
    """
    actor.require("flow.edit")
    with transaction.atomic():
        place = _own_folder(actor, folder) if folder is not None else None
        moved = [flow for flow in _held_flows(actor, flows) if flow.folder_id != _key(place)]
        Flow.objects.filter(pk__in=[flow.pk for flow in moved]).update(folder=place)
        for flow in moved:
            audit(actor, "flow.move", flow, folder=place.name if place else None)
    return len(moved)


def tag_flows(
    actor: Actor, flows: Iterable[Flow], *, add: Iterable[Tag] = (), remove: Iterable[Tag] = ()
) -> int:
    """Put tags on flows and take others off; how many flows that changed.

    Raises LimitReached, and then changes nothing; PlaceGone for tags of others.
    """
    actor.require("flow.edit")
    with transaction.atomic():
        more = {tag.pk: tag for tag in (_own_tag(actor, tag) for tag in add)}
        fewer = {tag.pk: tag for tag in (_own_tag(actor, tag) for tag in remove)}
        changed = 0
        for flow in _held_flows(actor, flows):
            before = set(flow.tags.values_list("pk", flat=True))
            after = (before | more.keys()) - fewer.keys()
            if after == before:
                continue
            if len(after) > MAX_TAGS_OF_A_FLOW:
                raise LimitReached(
                    f"'{flow.name}' would have more than {MAX_TAGS_OF_A_FLOW} tags. Take some off."
                )
            flow.tags.add(*(tag for key, tag in more.items() if key not in before))
            flow.tags.remove(*(tag for key, tag in fewer.items() if key in before))
            names = [tag.name for key, tag in {**more, **fewer}.items() if key in before ^ after]
            audit(actor, "flow.tag", flow, changed=sorted(names))
            changed += 1
    return changed


def set_tags(actor: Actor, flow: Flow, tags: Sequence[Tag]) -> int:
    """Make these the flow's tags; 1 where that changed anything. Raises as `tag_flows`."""
    kept = {tag.pk for tag in tags}
    gone = [tag for tag in flow.tags.all() if tag.pk not in kept]
    return tag_flows(actor, [flow], add=tags, remove=gone)


def duplicate_flow(actor: Actor, flow: Flow) -> Flow:
    """A new flow with the draft of this one, in the same folder and with the same tags.

    The copy of a private flow is private too, to who made the copy.
    """
    actor.require("flow.create")
    require_on(actor, "flow.read", flow)
    with transaction.atomic():
        copy = create_flow(actor, name=f"{flow.name[:190]} (copy)", document=read_draft(flow))
        copy.visibility = flow.visibility
        rows = Flow.objects.filter(pk=copy.pk)
        rows.update(folder=flow.folder_id, visibility=flow.visibility)
        copy.tags.set(flow.tags.all())
    copy.folder_id = flow.folder_id
    return copy


def _checked(name: str, *, forbidden: str) -> str:
    """The name without spaces around it. Raises NameRefused."""
    name = " ".join(name.split())
    if not name:
        raise NameRefused("Give it a name.")
    if len(name) > NAME_LENGTH:
        raise NameRefused(f"The name may have {NAME_LENGTH} characters at most.")
    if forbidden in name:
        raise NameRefused(f"The name may not hold '{forbidden}'.")
    if reason := bad_text(name):
        raise NameRefused(f"The name {reason}.")
    return name


def _check_colour(colour: str) -> None:
    if colour not in TagColour.values:
        raise NameRefused(f"The colour has to be one of {', '.join(TagColour.values)}.")


def _taken(kind: str, name: str) -> NameRefused:
    where = " here" if kind == "folder" else ""
    return NameRefused(f"There is a {kind} '{name}'{where} already. Choose another name.")


def _save_named(row: Folder | Tag, kind: str) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise _taken(kind, row.name) from error


def _hold(actor: Actor) -> None:
    """One at a time in a workspace: counts and depths hold until the transaction ends."""
    Workspace.objects.select_for_update(no_key=True).get(pk=actor.workspace_id)


def _own_folder(actor: Actor, folder: Folder) -> Folder:
    found = Folder.objects.select_for_update(of=("self",)).filter(
        pk=folder.pk, workspace_id=actor.workspace_id
    )
    if (held := found.first()) is None:
        raise PlaceGone("This folder was deleted a moment ago. Choose another one.")
    return held


def _own_tag(actor: Actor, tag: Tag) -> Tag:
    held = Tag.objects.select_for_update().filter(pk=tag.pk, workspace_id=actor.workspace_id)
    if (found := held.first()) is None:
        raise PlaceGone("This tag was deleted a moment ago. Choose another one.")
    return found


def _held_flows(actor: Actor, flows: Iterable[Flow]) -> list[Flow]:
    """The rows as they are now, held in one order; those of others are left out."""
    keys = [flow.pk for flow in flows]
    rows = Flow.objects.select_for_update(no_key=True, of=("self",)).filter(
        pk__in=keys, workspace_id=actor.workspace_id
    )
    held = list(rows.order_by("pk"))
    for flow in held:
        require_on(actor, "flow.edit", flow)
    return held


def _depth(folder: Folder) -> int:
    depth, at = 1, folder
    while at.parent is not None:
        depth, at = depth + 1, at.parent
    return depth


def _key(folder: Folder | None) -> object:
    return None if folder is None else folder.pk
