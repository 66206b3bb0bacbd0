"""Folders and tags: how a workspace keeps its flows in order."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F
from django.db.models.functions import Lower

from accounts.ids import new_id
from accounts.models import Workspace

if TYPE_CHECKING:
    from accounts.permissions import Actor

NAME_LENGTH = 60


class FolderQuerySet(models.QuerySet["Folder"]):
    """Reads of folders; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "FolderQuerySet":
        if not actor.can("flow.read"):
            return self.none()
        return self.filter(workspace_id=actor.workspace_id)


class TagQuerySet(models.QuerySet["Tag"]):
    """Reads of tags; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "TagQuerySet":
        if not actor.can("flow.read"):
            return self.none()
        return self.filter(workspace_id=actor.workspace_id)


class Folder(models.Model):
    """A place for flows and for other folders; a flow is in one folder or in none."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="folders", db_index=False)
    name = models.CharField(max_length=NAME_LENGTH)
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children"
    )

    objects: ClassVar[FolderQuerySet] = FolderQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.UniqueConstraint(
                F("workspace"),
                F("parent"),
                Lower("name"),
                name="folder_name_once",
                nulls_distinct=False,
            ),
        )

    def __str__(self) -> str:
        return self.name


class TagColour(models.TextChoices):
    """Colours of the theme that a tag may have; the word is what people choose."""

    GRAY = "gray", "Gray"
    AMBER = "amber", "Amber"
    VIOLET = "violet", "Violet"
    TEAL = "teal", "Teal"
    BLUE = "blue", "Blue"
    PINK = "pink", "Pink"
    CYAN = "cyan", "Cyan"
    GREEN = "green", "Green"


class Tag(models.Model):
    """A word of the workspace that flows are marked with."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(max_length=NAME_LENGTH)
    colour = models.CharField(max_length=8, choices=TagColour, default=TagColour.GRAY)

    objects: ClassVar[TagQuerySet] = TagQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.UniqueConstraint(F("workspace"), Lower("name"), name="tag_name_once"),
        )
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
