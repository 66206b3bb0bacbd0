"""What a run waits for people to decide: one row for each approval node it came to."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import User, Workspace
from flows.models import hidden_flows, hides_flows

if TYPE_CHECKING:
    from accounts.permissions import Actor
    from execution.models import Run


class ApprovalState(models.TextChoices):
    """Where an approval is; all but the first are ends."""

    OPEN = "open", "Open"
    DECIDED = "decided", "Decided"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"


class Decision(models.TextChoices):
    """What was decided, by a person or by the deadline."""

    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


class DecidedVia(models.TextChoices):
    """The door a decision came in by."""

    PAGE = "page", "Page"
    API = "api", "API"
    LINK = "link", "Link in an e-mail"


class OnTimeout(models.TextChoices):
    """What happens when nobody has decided by the deadline."""

    REJECT = "reject", "Reject"
    APPROVE = "approve", "Approve"
    FAIL = "fail", "Fail"


class ApprovalQuerySet(models.QuerySet["Approval"]):
    """Reads of approvals; every door starts from `visible_to`, but for signed links."""

    def visible_to(self, actor: "Actor") -> "ApprovalQuerySet":
        if not actor.can("run.read"):
            return self.none()
        rows = self.filter(workspace_id=actor.workspace_id)
        if not hides_flows(actor):
            return rows
        # Who is named is asked, whether or not they see the flow.
        named = models.Q(assignees__contains=[actor.email]) if actor.email else models.Q()
        hidden = hidden_flows(actor, "run__flow")
        return rows.exclude(hidden & ~named) if named else rows.exclude(hidden)


class Approval(models.Model):
    """A question to people in the middle of a run.

    Who changes it holds the run's row first. `decider` is who decided, as it was at that moment:
    `{id, email, name, via}`; null where the deadline did. `delivered_at` tells that the run has
    taken the outcome, `woken_at` when it was last told that there is one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The unique constraint's index serves it.
    run: "models.ForeignKey[Run, Run]" = models.ForeignKey(
        "execution.Run", models.CASCADE, related_name="approvals", db_index=False
    )
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    node = models.CharField(max_length=63)
    path = models.JSONField(default=list, blank=True)
    label = models.CharField(max_length=200, blank=True, help_text="The node's, in its document.")
    message = models.TextField()
    fields = models.JSONField(default=list, blank=True, help_text="As those of the input node.")
    assignees = models.JSONField(
        default=list, blank=True, help_text="E-mail addresses in small letters; none: all who may."
    )
    deadline = models.DateTimeField(null=True, blank=True)
    on_timeout = models.CharField(max_length=8, choices=OnTimeout, default=OnTimeout.REJECT)
    state = models.CharField(max_length=10, choices=ApprovalState, default=ApprovalState.OPEN)
    decision = models.CharField(max_length=10, choices=Decision, blank=True)
    comment = models.TextField(blank=True)
    data = models.JSONField(default=dict, blank=True)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_via = models.CharField(max_length=4, choices=DecidedVia, blank=True)
    decider = models.JSONField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    mailed = models.JSONField(default=list, blank=True, help_text="Addresses that were written to.")
    notified_at = models.DateTimeField(null=True, blank=True, help_text="When all were written to.")
    woken_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[ApprovalQuerySet] = ApprovalQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["run", "node", "path"], name="approval_once"),
        )
        indexes = (
            models.Index(fields=["workspace", "-created_at"], name="approval_by_workspace"),
            models.Index(
                fields=["workspace", "created_at"],
                condition=models.Q(state="open"),
                name="approval_open",
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(state="open", notified_at__isnull=True),
                name="approval_unnotified",
            ),
            models.Index(
                fields=["decided_at"],
                condition=models.Q(state="decided", delivered_at__isnull=True),
                name="approval_undelivered",
            ),
        )

    def __str__(self) -> str:
        return f"{self.node} of {self.run_id} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state == ApprovalState.OPEN

    @property
    def can_be_decided(self) -> bool:
        """Open, and not only because the run has yet to take note of the deadline."""
        return self.is_open and (self.deadline is None or self.deadline > timezone.now())

    @property
    def title(self) -> str:
        return self.label or self.node
