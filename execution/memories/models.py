"""Memories and their entries."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q

from accounts.ids import new_id
from accounts.models import Workspace
from flows.models import Flow, hidden_flows, hides_flows

if TYPE_CHECKING:
    from accounts.permissions import Actor


class MemoryScope(models.TextChoices):
    """Who shares a memory."""

    SESSION = "session", "Session"
    FLOW = "flow", "Flow"
    WORKSPACE = "workspace", "Workspace"


class MemoryQuerySet(models.QuerySet["Memory"]):
    """Reads of memories; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "MemoryQuerySet":
        if not actor.can("run.read"):
            return self.none()
        rows = self.filter(workspace_id=actor.workspace_id)
        return rows.exclude(hidden_flows(actor)) if hides_flows(actor) else rows


class Memory(models.Model):
    """A list of entries with a name: of a session of a flow, of a flow, or of the workspace.

    `node` is empty for what memory nodes keep under `name`; else it holds the turns of that node
    of the flow, and has no name. Whoever adds or clears holds this row: entries are numbered in the
    order of their commits.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The index of `memory_once` serves it.
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    flow = models.ForeignKey(Flow, models.CASCADE, null=True, blank=True, related_name="+")
    scope = models.CharField(max_length=9, choices=MemoryScope)
    session_id = models.CharField(max_length=200, blank=True)
    node = models.CharField(max_length=63, blank=True)
    name = models.CharField(max_length=100, blank=True)
    last_number = models.PositiveBigIntegerField(default=0)
    count = models.PositiveIntegerField(default=0, help_text="Entries that it holds.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of their values as JSON.")
    cleared_by = models.CharField(
        max_length=36, blank=True, help_text="The step that cleared it last: it does so once."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now_add=True, help_text="When it was last written.")

    objects: ClassVar[MemoryQuerySet] = MemoryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "memories"
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "flow", "session_id", "node", "name"],
                nulls_distinct=False,
                name="memory_once",
            ),
            models.CheckConstraint(
                condition=Q(scope="session", flow__isnull=False) & ~Q(session_id="")
                | Q(scope="flow", flow__isnull=False, session_id="")
                | Q(scope="workspace", flow__isnull=True, session_id=""),
                name="memory_scope_fits",
            ),
        )
        indexes = (
            models.Index(
                fields=["updated_at"], condition=Q(scope="session"), name="memory_by_last_use"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name or self.node} ({self.scope})"


class MemoryEntryQuerySet(models.QuerySet["MemoryEntry"]):
    """Reads of entries; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "MemoryEntryQuerySet":
        if not actor.can("run.read"):
            return self.none()
        rows = self.filter(memory__workspace_id=actor.workspace_id)
        return rows.exclude(hidden_flows(actor, "memory__flow")) if hides_flows(actor) else rows


class MemoryEntry(models.Model):
    """One value of a memory, or one turn of a node: `{"user": …, "assistant": …}`.

    `key` names the step that added it (`Context.idempotency_key`), so that one that is repeated
    adds nothing twice. `run_id` points to execution.Run; no foreign key, so that what is remembered
    outlives expired runs.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The index of `memory_entry_number_once` serves it.
    memory = models.ForeignKey(Memory, models.CASCADE, related_name="entries", db_index=False)
    number = models.PositiveBigIntegerField()
    key = models.CharField(max_length=36)
    value: "models.JSONField[Any]" = models.JSONField(null=True)
    size = models.PositiveIntegerField(help_text="Bytes of the value as JSON.")
    run_id = models.UUIDField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[MemoryEntryQuerySet] = MemoryEntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "memory entries"
        constraints = (
            models.UniqueConstraint(fields=["memory", "number"], name="memory_entry_number_once"),
            models.UniqueConstraint(fields=["memory", "key"], name="memory_entry_key_once"),
        )

    def __str__(self) -> str:
        return f"entry {self.number}"
