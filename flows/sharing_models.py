"""Who sees a flow: the whole workspace, or its maker and those it is shared with."""

from django.db import models

from accounts.models import User


class Visibility(models.TextChoices):
    """Who sees a flow without being named."""

    WORKSPACE = "workspace", "Everyone in the workspace"
    PRIVATE = "private", "Only chosen people"


class ShareLevel(models.TextChoices):
    """What somebody may do with a flow that is shared with them."""

    VIEW = "view", "See"
    RUN = "run", "Run"
    EDIT = "edit", "Edit"


class FlowShare(models.Model):
    """A flow is shared with a member of its workspace."""

    flow = models.ForeignKey("flows.Flow", models.CASCADE, related_name="shares")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    level = models.CharField(max_length=4, choices=ShareLevel)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["flow", "user"], name="flow_share_once"),)

    def __str__(self) -> str:
        return f"{self.flow_id} with {self.user_id}: {self.level}"
