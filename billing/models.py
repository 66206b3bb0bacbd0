"""What was used and what it cost, frozen at the price of the moment."""

from django.db import models

from accounts.ids import new_id
from accounts.models import ApiKey, Workspace
from flows.models import Flow


class PriceOverride(models.Model):
    """An operator's own price for a model; wins over the price package. US dollars per million."""

    model = models.CharField(max_length=200, unique=True, help_text="provider/name")
    input_per_million = models.DecimalField(max_digits=12, decimal_places=4)
    output_per_million = models.DecimalField(max_digits=12, decimal_places=4)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.model


class UsageRecord(models.Model):
    """Tokens and cost of one attempt of one node; written in the transaction that records it.

    `run_id` points to execution.Run; no foreign key, so that usage outlives expired runs.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="usage_records")
    flow = models.ForeignKey(Flow, models.SET_NULL, null=True, related_name="+")
    run_id = models.UUIDField()
    api_key = models.ForeignKey(ApiKey, models.SET_NULL, null=True, related_name="+")
    node = models.CharField(max_length=63)
    path = models.JSONField(default=list)
    attempt = models.PositiveIntegerField()
    model = models.CharField(max_length=200, help_text="provider/name")
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    cache_read_tokens = models.PositiveBigIntegerField(default=0)
    cache_write_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=0)
    price_source = models.CharField(max_length=40, blank=True)
    estimated = models.BooleanField(
        default=False,
        db_default=False,  # a worker of the release before does not know this column
        help_text="A call was cut off before its provider said what it used.",
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["run_id", "node", "path", "attempt", "model"], name="usage_once"
            ),
        )
        indexes = (models.Index(fields=["workspace", "-at"], name="usage_by_workspace"),)

    def __str__(self) -> str:
        return f"{self.model}: {self.input_tokens}+{self.output_tokens}"
