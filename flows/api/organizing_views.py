"""REST views of folders and tags."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from rest_framework.response import Response

from flows import organizing
from flows.api.places import placing_in
from flows.models import Folder, Tag
from flows.organizing_models import NAME_LENGTH, TagColour
from flows.organizing_queries import FolderRow, folder_tree, tags_of
from fluxprompt.api.openapi import Schema, call, component
from fluxprompt.api.views import ApiView, text_field

_ID: Schema = {"type": "string", "format": "uuid"}
_NAME: Schema = {"type": "string", "maxLength": NAME_LENGTH}
_COLOUR: Schema = {"enum": list(TagColour.values)}
FOLDER_EXAMPLE = {
    "id": "0192f3a4-6c1e-7b2a-9d55-3f1f0c9b7a11",
    "name": "Acme",
    "path": "Clients/Acme",
    "flows": 2,
}
FOLDER = component(
    "Folder",
    {
        "type": "object",
        "required": ["id", "name", "path", "flows"],
        "properties": {
            "id": _ID,
            "name": _NAME,
            "path": {"type": "string", "description": "Names from the top on, with `/` between."},
            "flows": {"type": "integer", "description": "Flows in it and below it."},
        },
    },
)
TAG_EXAMPLE = {
    "id": "0192f3a4-6c1e-7b2a-9d55-3f1f0c9b7a12",
    "name": "live",
    "colour": "green",
    "flows": 3,
}
TAG = component(
    "Tag",
    {
        "type": "object",
        "required": ["id", "name", "colour", "flows"],
        "properties": {
            "id": _ID,
            "name": _NAME,
            "colour": _COLOUR,
            "flows": {"type": "integer", "description": "Flows that have it."},
        },
    },
)


def _all_of(reference: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["results", "next"],
        "properties": {
            "results": {"type": "array", "items": reference},
            "next": {"type": "null", "description": "All come at once."},
        },
    }


def _object(required: list[str], **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


def _folder_payload(row: FolderRow) -> dict[str, Any]:
    return {"id": row.id, "name": row.name, "path": row.path, "flows": row.flows}


def _tag_payload(tag: Tag) -> dict[str, Any]:
    return {"id": tag.pk, "name": tag.name, "colour": tag.colour, "flows": tag.flows.count()}


class FolderView(ApiView):
    """Calls about folders."""

    def shown(self, folder: Folder) -> dict[str, Any]:
        row = next((row for row in folder_tree(self.actor) if row.id == folder.pk), None)
        if row is None:
            raise Http404("This folder was deleted a moment ago.")
        return _folder_payload(row)

    def folder(self, key: UUID) -> Folder:
        found = Folder.objects.visible_to(self.actor).filter(pk=key).first()
        if found is None:
            raise Http404("There is no such folder in this workspace.")
        return found


class FoldersView(FolderView):
    """The folders of the workspace."""

    required_action: ClassVar = {"GET": "flow.read", "POST": "flow.edit"}

    @call(
        "list_folders",
        "List folders, each followed by those in it",
        {
            200: (
                "All folders",
                _all_of(FOLDER),
                {"results": [FOLDER_EXAMPLE], "next": None},
            )
        },
        tag="Folders and tags",
    )
    def get(self, request: Any) -> Response:
        rows = folder_tree(self.actor)
        return Response({"results": [_folder_payload(row) for row in rows], "next": None})

    @call(
        "create_folder",
        "Make a folder, at the top or inside the one at the path `folder`",
        {201: ("The folder", FOLDER, FOLDER_EXAMPLE)},
        body=_object(["name"], name=_NAME, folder={"type": ["string", "null"]}),
        body_example={"name": "Acme", "folder": "Clients"},
        tag="Folders and tags",
    )
    def post(self, request: Any) -> Response:
        body = self.object_body("name", "folder")
        name = text_field(body, "name", most=NAME_LENGTH, required=True) or ""
        parent = placing_in(self.actor, {"folder": body.get("folder")}).folder
        made = organizing.create_folder(self.actor, name=name, parent=parent)
        return Response(self.shown(made), status=201)


class OneFolderView(FolderView):
    """One folder."""

    required_action: ClassVar = {"PATCH": "flow.edit", "DELETE": "flow.edit"}

    @call(
        "rename_folder",
        "Rename a folder",
        {200: ("The folder", FOLDER, FOLDER_EXAMPLE)},
        body=_object(["name"], name=_NAME),
        body_example={"name": "Acme"},
        tag="Folders and tags",
    )
    def patch(self, request: Any, folder: UUID) -> Response:
        found = self.folder(folder)
        body = self.object_body("name")
        name = text_field(body, "name", most=NAME_LENGTH, required=True) or ""
        return Response(self.shown(organizing.rename_folder(self.actor, found, name=name)))

    @call(
        "delete_folder",
        "Delete a folder; what is in it goes one folder up",
        {204: ("Deleted", None, None)},
        tag="Folders and tags",
    )
    def delete(self, request: Any, folder: UUID) -> Response:
        organizing.delete_folder(self.actor, self.folder(folder))
        return Response(status=204)


class TagsView(ApiView):
    """The tags of the workspace."""

    required_action: ClassVar = {"GET": "flow.read", "POST": "flow.edit"}

    @call(
        "list_tags",
        "List tags by name",
        {200: ("All tags", _all_of(TAG), {"results": [TAG_EXAMPLE], "next": None})},
        tag="Folders and tags",
    )
    def get(self, request: Any) -> Response:
        rows = [
            {"id": tag.pk, "name": tag.name, "colour": tag.colour, "flows": vars(tag)["uses"]}
            for tag in tags_of(self.actor)
        ]
        return Response({"results": rows, "next": None})

    @call(
        "create_tag",
        "Make a tag",
        {201: ("The tag", TAG, TAG_EXAMPLE)},
        body=_object(["name"], name=_NAME, colour=_COLOUR),
        body_example={"name": "live", "colour": "green"},
        tag="Folders and tags",
    )
    def post(self, request: Any) -> Response:
        body = self.object_body("name", "colour")
        name = text_field(body, "name", most=NAME_LENGTH, required=True) or ""
        colour = text_field(body, "colour", most=20) or TagColour.GRAY
        return Response(
            _tag_payload(organizing.create_tag(self.actor, name=name, colour=colour)), status=201
        )


class OneTagView(ApiView):
    """One tag."""

    required_action: ClassVar = {"PATCH": "flow.edit", "DELETE": "flow.edit"}

    @call(
        "change_tag",
        "Rename or colour a tag",
        {200: ("The tag", TAG, TAG_EXAMPLE)},
        body=_object([], name=_NAME, colour=_COLOUR),
        body_example={"colour": "amber"},
        tag="Folders and tags",
    )
    def patch(self, request: Any, tag: UUID) -> Response:
        found = self._tag(tag)
        body = self.object_body("name", "colour")
        name = text_field(body, "name", most=NAME_LENGTH, required="name" in body)
        colour = text_field(body, "colour", most=20, required="colour" in body)
        changed = organizing.change_tag(self.actor, found, name=name, colour=colour)
        return Response(_tag_payload(changed))

    @call(
        "delete_tag",
        "Delete a tag; its flows lose it",
        {204: ("Deleted", None, None)},
        tag="Folders and tags",
    )
    def delete(self, request: Any, tag: UUID) -> Response:
        organizing.delete_tag(self.actor, self._tag(tag))
        return Response(status=204)

    def _tag(self, key: UUID) -> Tag:
        found = Tag.objects.visible_to(self.actor).filter(pk=key).first()
        if found is None:
            raise Http404("There is no such tag in this workspace.")
        return found
