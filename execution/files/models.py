"""Files, as rows: whose they are, what they are called, and where their bytes lie."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from accounts.ids import new_id
from accounts.models import ApiKey, User, Workspace
from flows.engine.file_names import LONGEST
from flows.models import Flow, hidden_flows, hides_flows

if TYPE_CHECKING:
    from accounts.permissions import Actor


class FileQuerySet(models.QuerySet["File"]):
    """Reads of files; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "FileQuerySet":
        if not actor.can("file.read"):
            return self.none()
        rows = self.filter(workspace_id=actor.workspace_id)
        if not hides_flows(actor):
            return rows
        # Those of a flow that is deleted too: nobody knows any more who saw it.
        seen = Flow.objects.filter(workspace_id=actor.workspace_id).exclude(
            hidden_flows(actor, "pk")
        )
        theirs = models.Q(created_by_id=actor.user_id) if actor.user_id else models.Q()
        return rows.filter(
            models.Q(flow_id=None) | models.Q(flow_id__in=seen.values("pk")) | theirs
        )

    def there(self) -> "FileQuerySet":
        """Those whose time is not over, whether or not a sweep has been by."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()))


class File(models.Model):
    """One file. Its bytes lie in the storage `files` under `key`, which only the server makes.

    What is deleted or gets another key leaves a Leftover behind: a trigger of the table sees to it,
    so that no way of deleting rows forgets the bytes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="files", db_index=False)
    name = models.CharField(max_length=LONGEST, help_text="A label; no path leads by it.")
    media_type = models.CharField(max_length=160)
    size = models.BigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    key = models.CharField(max_length=200, unique=True, help_text="Where its bytes lie.")
    origin = models.CharField(
        max_length=64, null=True, blank=True, help_text="Tells that it is the same one, made again."
    )
    # Runs are deleted by their own policy, and know nothing of files.
    run_id = models.UUIDField(null=True, blank=True, help_text="The run that made it.")
    flow_id = models.UUIDField(null=True, blank=True, help_text="The flow of that run.")
    node = models.CharField(max_length=63, blank=True, help_text="Its node that made it.")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: kept for ever.")

    objects = FileQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "origin"], name="file_once"),
            models.CheckConstraint(condition=models.Q(size__gte=0), name="file_has_a_size"),
        )
        indexes = (
            models.Index(fields=["workspace", "-created_at", "-id"], name="file_newest"),
            # All that a workspace stores is added up at each new file.
            models.Index(fields=["workspace"], include=["size", "expires_at"], name="file_sizes"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False),
                name="file_expiring",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class Leftover(models.Model):
    """Bytes that no file stands for: what is to be dropped from the storage.

    Written before bytes are, and taken away in the transaction that writes their file; so a crash
    in between leaves nothing behind for good.
    """

    key = models.CharField(max_length=200, primary_key=True)
    due_at = models.DateTimeField(db_index=True, help_text="Dropped by the first sweep after it.")

    def __str__(self) -> str:
        return self.key
