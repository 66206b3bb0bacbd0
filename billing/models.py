"""What was used and what it cost, frozen at the price of the moment."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from accounts.ids import new_id
from accounts.models import ApiKey, User, Workspace
from billing.model_facts import CAPABILITIES
from flows.models import Flow


class PriceOverride(models.Model):
    """An operator's own price for a model; wins over the price package. US dollars per million."""

    model = models.CharField(max_length=200, unique=True, help_text="provider/name")
    input_per_million = models.DecimalField(max_digits=12, decimal_places=4)
    output_per_million = models.DecimalField(max_digits=12, decimal_places=4)
    cache_read_per_million = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Of input tokens read from the provider's cache; empty: as other input.",
    )
    cache_write_per_million = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Of input tokens written to the provider's cache; empty: as other input.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.model


def _price() -> "models.DecimalField[Any, Any]":
    return models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)


class CatalogueModel(models.Model):
    """A model that workspaces are offered, what it can do and what the price package says it costs.

    `own` names the fields that an operator has set: a refresh leaves them alone. Own prices are
    PriceOverride rows. Prices are US dollars per million tokens; those of short requests where
    `price_rises`. What is not in here can be called all the same.
    """

    model = models.CharField(
        max_length=200,
        unique=True,
        help_text="provider/name, as nodes write it.",
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*/\S+$", "Write provider/name.")],
    )
    title = models.CharField(max_length=200, help_text="What people read.")
    context_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    max_output_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    capabilities = ArrayField(
        models.CharField(max_length=20, choices=[(name, name) for name in CAPABILITIES]),
        default=list,
        blank=True,
        help_text="What it can do. Settings that a model does not have are left out of its calls.",
    )
    enabled = models.BooleanField(
        default=True, help_text="Offered in pickers and lists; calls are never refused."
    )
    input_per_million = _price()
    output_per_million = _price()
    cache_read_per_million = _price()
    cache_write_per_million = _price()
    price_rises = models.BooleanField(
        default=False, help_text="Long requests cost more for each token."
    )
    source = models.CharField(max_length=40, default="operator", editable=False)
    own = ArrayField(models.CharField(max_length=40), default=list, blank=True, editable=False)
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return self.model

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]


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
        indexes = (
            models.Index(fields=["workspace", "-at"], name="usage_by_workspace"),
            # What a key has spent this month is asked before each run that it starts.
            models.Index(
                fields=["api_key", "at"],
                include=["cost"],
                condition=models.Q(api_key__isnull=False),
                name="usage_by_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.model}: {self.input_tokens}+{self.output_tokens}"


class CreditGrant(models.Model):
    """Credit that an operator gave a workspace beside its plan's; a negative one takes some back.

    A trigger of the table refuses changes: what was wrong is set right by another row.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="credit_grants")
    amount = models.DecimalField(max_digits=12, decimal_places=4, help_text="US dollars.")
    reason = models.CharField(max_length=200)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: when it is used up.")
    granted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["workspace", "at"], name="grant_by_workspace"),)
        constraints = (
            models.CheckConstraint(condition=~models.Q(amount=0), name="grant_of_something"),
        )

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} USD: {self.reason}"


class CreditMonth(models.Model):
    """A month in which a workspace was held to its plan's credit, and to how much.

    Written when a run starts in it, so that later months know what grants had to cover. What is
    spent in a month without a row was free.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    month = models.DateField(help_text="Its first day.")
    allowance = models.DecimalField(max_digits=12, decimal_places=4, help_text="US dollars.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "month"], name="credit_month_once"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.allowance}"


class RunMonth(models.Model):
    """How many runs a workspace whose plan limits them began in a month; never taken back.

    Rows of runs do not tell: retention and the deletion of flows take them away.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    month = models.DateField(help_text="Its first day (UTC).")
    number = models.PositiveIntegerField(help_text="Runs that people and programs began.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "month"], name="run_month_once"),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}: {self.number}"
