"""Flows: the draft as rows (nodes and edges) and immutable published versions."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models

from accounts.ids import new_id
from accounts.models import User, Workspace
from flows.organizing_models import Folder as Folder
from flows.organizing_models import Tag as Tag
from flows.sharing_models import FlowShare as FlowShare
from flows.sharing_models import ShareLevel as ShareLevel
from flows.sharing_models import Visibility as Visibility

if TYPE_CHECKING:
    from accounts.permissions import Actor


class FlowQuerySet(models.QuerySet["Flow"]):
    """Reads of flows; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "FlowQuerySet":
        if not actor.can("flow.read"):
            return self.none()
        rows = self.filter(workspace_id=actor.workspace_id)
        return rows.exclude(hidden_flows(actor, "pk")) if hides_flows(actor) else rows


def hides_flows(actor: "Actor") -> bool:
    """Whether there may be flows in the workspace that the actor does not see."""
    return not actor.can("flow.all")


def hidden_flows(actor: "Actor", column: str = "flow") -> models.Q:
    """Rows whose `column` names a private flow that is neither theirs nor shared with them.

    Few flows are private: the database reads their ids once, by an index of their own.
    """
    private = Flow.objects.filter(
        workspace_id=actor.workspace_id, visibility=Visibility.PRIVATE
    ).order_by()
    if actor.person_id is not None:
        shared = FlowShare.objects.filter(user_id=actor.person_id).values("flow_id")
        private = private.exclude(created_by_id=actor.person_id).exclude(pk__in=shared)
    return models.Q(**{f"{column}__in": private.values("pk")})


class Flow(models.Model):
    """A flow of a workspace. Its draft is in `nodes` and `edges`; `revision` counts its changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="flows")
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    settings = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=1)
    draft_bytes = models.PositiveBigIntegerField(
        null=True, editable=False, help_text="Of the draft as a document; empty: not measured yet."
    )
    published = models.ForeignKey(
        "FlowVersion", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    published_revision = models.PositiveIntegerField(
        null=True, blank=True, help_text="The draft's revision when it was published last."
    )
    folder = models.ForeignKey(Folder, models.SET_NULL, null=True, blank=True, related_name="flows")
    tags = models.ManyToManyField(Tag, blank=True, related_name="flows")
    visibility = models.CharField(
        max_length=9,
        choices=Visibility,
        default=Visibility.WORKSPACE,
        db_default=Visibility.WORKSPACE.value,  # web servers of the release before know no such
    )
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[FlowQuerySet] = FlowQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "slug"], name="flow_slug_once"),
        )
        indexes = (
            models.Index(fields=["workspace", "-updated_at"], name="flow_by_workspace"),
            models.Index(
                fields=["workspace"],
                condition=models.Q(visibility="private"),
                name="flow_private",
            ),
        )

    def __str__(self) -> str:
        return self.name


class FileFlow(models.Model):
    """Marks the flow under which `manage.py flow run FILE` keeps the runs of its files.

    One for each name that documents have. Where the flow's revision is another one than here,
    somebody has edited its draft: from then on the flow is theirs, and the file gets a new one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=200, help_text="The document's name.")
    flow = models.OneToOneField(Flow, models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField(help_text="Of the draft as the command left it.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "name"], name="file_flow_once"),
        )

    def __str__(self) -> str:
        return self.name


class ErrorPolicy(models.TextChoices):
    """What a node's failure means for the run."""

    STOP = "stop", "Stop the run"
    CONTINUE = "continue", "Go on without output"
    BRANCH = "branch", "Leave by the error port"


class Node(models.Model):
    """A node of a flow's draft. `key` is the id used in the document and in expressions."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="nodes")
    key = models.CharField(max_length=63)
    position = models.PositiveIntegerField(help_text="Order in the document.")
    type = models.CharField(max_length=40)
    version = models.PositiveIntegerField(default=1, help_text="Version of the node type.")
    label = models.CharField(max_length=200, blank=True)
    config = models.JSONField(default=dict, blank=True)
    parent = models.CharField(max_length=63, blank=True, help_text="Key of the container.")
    retry = models.JSONField(null=True, blank=True)
    timeout_seconds = models.FloatField(null=True, blank=True)
    on_error = models.CharField(max_length=8, choices=ErrorPolicy, default=ErrorPolicy.STOP)
    # The database's own default too: web servers of the release before know no such column.
    disabled = models.BooleanField(
        default=False, db_default=False, help_text="The flow goes on behind it."
    )
    x = models.FloatField(null=True, blank=True)
    y = models.FloatField(null=True, blank=True)
    width = models.FloatField(null=True, blank=True, help_text="Of a note, in pixels.")
    height = models.FloatField(null=True, blank=True, help_text="Of a note, in pixels.")
    pinned = models.JSONField(
        null=True, blank=True, help_text="An output for tests in the editor; in no document."
    )

    class Meta:
        constraints = (models.UniqueConstraint(fields=["flow", "key"], name="node_key_once"),)
        ordering = ("position",)

    def __str__(self) -> str:
        return self.label or self.key


class Edge(models.Model):
    """An edge of a flow's draft: it orders and carries."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="edges")
    position = models.PositiveIntegerField(help_text="Order in the document.")
    source = models.CharField(max_length=63)
    port = models.CharField(max_length=63, default="out")
    target = models.CharField(max_length=63)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["flow", "source", "port", "target"], name="edge_once"),
        )
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.source}.{self.port} → {self.target}"


class FlowVersion(models.Model):
    """A flow as it was published: its document never changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the canonical document.")
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["flow", "number"], name="version_once"),)
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"{self.flow} v{self.number}"


class FlowChange(models.Model):
    """One change of a draft as it was applied: what editors follow, and what tells who did what.

    `ops` are the operations of `flows.engine.operations`; empty where they were too large to be
    kept, so that whoever follows has to read the draft anew.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="changes", db_index=False)
    revision = models.PositiveIntegerField(help_text="The draft's, with this change.")
    change_id = models.UUIDField(help_text="Given by who made it; once for each flow.")
    label = models.CharField(max_length=200)
    ops = models.JSONField(null=True)
    conflicts = models.JSONField(default=list)
    tab = models.UUIDField(null=True, help_text="Of the browser; empty for all else.")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=200, help_text="As the actor was called at the time.")
    written = models.PositiveBigIntegerField(help_text="Bytes of this and all changes before.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["flow", "revision"], name="change_revision_once"),
            models.UniqueConstraint(fields=["flow", "change_id"], name="change_once"),
        )
        ordering = ("revision",)

    def __str__(self) -> str:
        return f"{self.revision}: {self.label}"
