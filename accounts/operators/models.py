"""What operators decide for the whole installation: plans, settings, switches, maintenance."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

#: The longest time runs can be kept for, short of for ever: a century.
MAX_RETENTION_DAYS = 36_500


def _limit(label: str, help_text: str) -> "models.PositiveIntegerField[Any, Any]":
    return models.PositiveIntegerField(label, null=True, blank=True, help_text=help_text)


class Plan(models.Model):
    """What workspaces on it may use. Whatever is empty has no limit; no plan has none at all."""

    name = models.CharField(max_length=80, unique=True)
    monthly_credit = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars that runs may cost in a month (UTC), before grants; empty: any.",
    )
    max_running = _limit("running runs", "Runs at work at once; empty: as the installation.")
    max_runs = _limit("runs a month", "Runs started in a month (UTC); empty: any number.")
    max_members = _limit("members", "People in the workspace; empty: any number.")
    max_flows = _limit("flows", "Flows in the workspace; empty: any number.")
    max_file_bytes = models.PositiveBigIntegerField(
        "bytes of files",
        null=True,
        blank=True,
        help_text="All files together; empty: as the installation.",
    )
    retention_days = models.PositiveIntegerField(
        "days of history",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RETENTION_DAYS)],
        help_text="Runs are kept so long at most; empty: as the workspace or installation has it.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class SystemSetting(models.Model):
    """A setting that was changed at run time; the registry is accounts.operators.system_settings.

    Where there is no row, the environment or the default holds.
    """

    name = models.CharField(max_length=40, primary_key=True)
    value = models.JSONField(null=True)
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name


class FeatureState(models.TextChoices):
    """For whom a feature is there."""

    ON = "on", "On for all"
    OFF = "off", "Off"
    CHOSEN = "chosen", "For chosen workspaces"


class FeatureSwitch(models.Model):
    """A feature that operators have switched; the registry is accounts.operators.features.

    Where there is no row, it is as the registry says.
    """

    name = models.CharField(max_length=40, primary_key=True)
    state = models.CharField(max_length=6, choices=FeatureState, default=FeatureState.ON)
    workspaces = models.ManyToManyField("accounts.Workspace", blank=True, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.get_state_display()}"


class Maintenance(models.Model):
    """While its one row is there, nothing new is taken."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    message = models.TextField(max_length=500, blank=True)
    expected_end = models.DateTimeField(null=True, blank=True)
    begun_at = models.DateTimeField(default=timezone.now)
    begun_by = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "maintenance"
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="maintenance_single"),)

    def __str__(self) -> str:
        return f"maintenance since {self.begun_at:%Y-%m-%d %H:%M}"
