"""The run record: runs, their nodes' attempts, their events, and large values by reference."""

from typing import TYPE_CHECKING, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.functions import Now

from accounts.ids import new_id
from accounts.models import ApiKey, User, Workspace
from execution.approval_models import Approval as Approval
from flows.models import Flow, FlowVersion, hidden_flows, hides_flows

if TYPE_CHECKING:
    from accounts.permissions import Actor


class RunStatus(models.TextChoices):
    """Where a run is; the last four are ends."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting"
    PAUSED = "paused", "Paused"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    TIMED_OUT = "timed_out", "Timed out"


#: Asked for by these words, open runs are found by an index of their own.
OPEN = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.PAUSED)
ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.TIMED_OUT)


class NodeStatus(models.TextChoices):
    """Where a node of a run is."""

    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    CANCELLED = "cancelled", "Cancelled"


class Snapshot(models.Model):
    """The document of a draft as it was run; content-addressed within the workspace."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(db_default=Now(), help_text="Kept for a day from then on.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "digest"], name="snapshot_once"),
        )

    def __str__(self) -> str:
        return self.digest[:12]


class RunQuerySet(models.QuerySet["Run"]):
    """Reads of runs; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "RunQuerySet":
        if not actor.can("run.read"):
            return self.none()
        rows = self.filter(workspace_id=actor.workspace_id)
        return rows.exclude(hidden_flows(actor)) if hides_flows(actor) else rows


class Run(models.Model):
    """One run of a flow. The Temporal workflow's id is `run-<id>`.

    `queued` is also the promise to start: the row commits before Temporal is asked, and the
    sweeper starts what a crash in between left behind.
    `last_seq` numbers the events; whoever writes events holds this row, so that the order of
    `seq` is the order of commits.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Every update of an open run touches all indexes: those below serve these two.
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="runs", db_index=False)
    flow = models.ForeignKey(Flow, models.CASCADE, related_name="runs", db_index=False)
    # Kept as long as the run is: a run does not forget the document it ran.
    version = models.ForeignKey(FlowVersion, models.RESTRICT, null=True, related_name="+")
    snapshot = models.ForeignKey(Snapshot, models.RESTRICT, null=True, related_name="+")
    status = models.CharField(max_length=10, choices=RunStatus, default=RunStatus.QUEUED)
    trigger = models.CharField(max_length=20, default="api")
    session_id = models.CharField(max_length=200, null=True, blank=True)
    inputs = models.JSONField(default=dict)
    outputs = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    rerun_of = models.ForeignKey("self", models.SET_NULL, null=True, related_name="reruns")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    request_digest = models.CharField(max_length=64, blank=True)
    # What has `db_default` came after the first release, whose processes go on writing for a while.
    execution = models.CharField(
        max_length=8, default="durable", db_default="durable", help_text="durable or inline."
    )
    held_by = models.PositiveIntegerField(
        null=True, blank=True, help_text="Inline: the process that runs it (presence.py)."
    )
    priority = models.PositiveSmallIntegerField(
        default=3, db_default=3, help_text="1 (first) to 5 (last)."
    )
    admitted_at = models.DateTimeField(
        null=True, blank=True, help_text="When the limits let it start; null: it waits for room."
    )
    flow_limit = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Runs of its flow that may run at once (concurrency)."
    )
    options = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="What of the flow is run, and what is given for it.",
    )
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="subruns", db_index=False
    )
    parent_node = models.CharField(max_length=63, blank=True, db_default="")
    parent_path = models.JSONField(default=list, db_default=[], blank=True)
    lineage = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="Ids of the runs above it, outermost first.",
    )
    budget = models.DecimalField(
        max_digits=15,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="US dollars that it and the runs below it may cost; null: no limit.",
    )
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    pause_requested_at = models.DateTimeField(null=True, blank=True)
    signal_due_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When its workflow is to be told whether it is paused; null: it knows.",
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_seq = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=0)

    objects: ClassVar[RunQuerySet] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        permissions = (("view_run_data", "Can view what runs were given and made"),)
        constraints = (
            models.UniqueConstraint(
                fields=["workspace", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="run_idempotency_once",
            ),
        )
        indexes = (
            models.Index(fields=["workspace", "-created_at"], name="run_by_workspace"),
            models.Index(fields=["flow", "-created_at"], name="run_by_flow"),
            models.Index(
                fields=["parent"],
                condition=models.Q(parent__isnull=False),
                name="run_by_parent",
            ),
            models.Index(
                fields=["workspace", "flow"],
                condition=models.Q(
                    parent__isnull=True,
                    admitted_at__isnull=False,
                    status__in=["queued", "running"],
                ),
                name="run_holding",
            ),
            models.Index(
                fields=["workspace", "priority", "created_at"],
                condition=models.Q(parent__isnull=True, admitted_at__isnull=True, status="queued"),
                name="run_held_back",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(status__in=["queued", "running", "waiting", "paused"]),
                name="run_open",
            ),
            # Written once, at the end: for what is kept no longer.
            models.Index(
                fields=["workspace", "finished_at"],
                condition=models.Q(finished_at__isnull=False),
                name="run_by_end",
            ),
        )

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    @property
    def workflow_id(self) -> str:
        return f"run-{self.id}"

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def duration_ms(self) -> int | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)


class RunText(models.Model):
    """The words by which a run is found: written once, when it ends (search.py).

    Beside the run, whose row is written at every step: the index would be written each time.
    """

    run = models.OneToOneField(Run, models.CASCADE, primary_key=True, related_name="text")
    words = SearchVectorField()

    class Meta:
        indexes = (GinIndex(fields=["words"], gin_pending_list_limit=1024, name="run_text_words"),)

    def __str__(self) -> str:
        return f"words of {self.run_id}"


class NodeRun(models.Model):
    """One attempt of a node in a run. `path` tells the iteration: `["rows", 3]`.

    The table is kept by month (partitions.py), as that of the events. There the primary key is
    (id, run_id); whoever reads or writes many rows names the run, so that one month is looked at.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="node_runs", db_index=False)
    node = models.CharField(max_length=63)
    type = models.CharField(max_length=40)
    path = models.JSONField(default=list)
    attempt = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=10, choices=NodeStatus)
    input = models.JSONField(null=True, blank=True, help_text="The resolved config.")
    output = models.JSONField(null=True, blank=True)
    ports = models.JSONField(null=True, blank=True, help_text="The live output ports.")
    ends_run = models.CharField(max_length=10, blank=True, help_text="Status a stop node sets.")
    error = models.JSONField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    model = models.CharField(max_length=200, blank=True)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=0)
    reused = models.BooleanField(default=False)
    worker = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["run", "node", "path", "attempt"], name="node_run_attempt_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.node} #{self.attempt} ({self.status})"

    @property
    def duration_ms(self) -> int | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds() * 1000)

    @property
    def has_result(self) -> bool:
        """Whether there is nothing left to do: it succeeded, or a stop node in it ended the run."""
        return self.status == NodeStatus.SUCCEEDED or bool(self.ends_run)


class RunEvent(models.Model):
    """What happened in a run, in order; replayed to whoever comes back with `after=seq`.

    `key` names the happening itself (`node.finished:ask:[]:1`), so that a retry after a crash
    writes nothing twice.
    """

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(Run, models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    key = models.CharField(max_length=300)
    at = models.DateTimeField()
    type = models.CharField(max_length=20)
    node = models.CharField(max_length=63, blank=True)
    path = models.JSONField(default=list)
    data = models.JSONField(default=dict)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["run", "key"], name="run_event_key_once"),)

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class Blob(models.Model):
    """A value too large to travel: content-addressed within its workspace.

    Its parts put together are UTF-8: the text itself (`kind` text) or JSON (`kind` json).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=4, choices=[("text", "text"), ("json", "json")])
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    holds = ArrayField(
        models.CharField(max_length=64),
        default=list,
        db_default=[],
        help_text="Digests of the blobs that its JSON refers to.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(db_default=Now(), help_text="When it was last stored.")
    check_at = models.DateTimeField(
        db_default=Now(), help_text="When to look whether a run still refers to it."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "digest", "kind"], name="blob_once"),
        )
        indexes = (
            GinIndex(fields=["holds"], name="blob_by_held"),
            models.Index(fields=["check_at"], name="blob_by_check"),
        )

    def __str__(self) -> str:
        return f"{self.digest[:12]} ({self.size} bytes)"


class BlobPart(models.Model):
    """A stretch of a blob's bytes; all but the last are of the same size (blobs.PART)."""

    pk = models.CompositePrimaryKey("blob_id", "number")
    # The primary key's index serves it.
    blob = models.ForeignKey(Blob, models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"part {self.number} of {self.blob_id}"


class CredentialRate(models.Model):
    """How far the calls of a credential are ahead: one row each, changed in one statement.

    The table is unlogged: after a crash of the database everybody begins anew.
    """

    credential = models.UUIDField(primary_key=True, editable=False)
    next_at = models.DateTimeField(help_text="When the next call is due at an even pace.")
    wait = models.FloatField(help_text="Seconds that the last one who asked has to wait.")
    granted = models.BooleanField(help_text="Whether that call has its place.")

    def __str__(self) -> str:
        return f"{self.credential}: {self.next_at}"
