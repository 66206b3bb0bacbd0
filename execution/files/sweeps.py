"""Deletes what is over its time, and drops bytes that no file stands for. Several may do it."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from execution.files.models import File, Leftover
from execution.files.storage import drop_bytes

#: Rows of one transaction.
FEW = 50
#: How long bytes are left that could not be dropped.
LATER = timedelta(minutes=10)


def expire_files() -> int:
    """Delete a few files whose time is over; returns how many. Their bytes become leftovers."""
    with transaction.atomic():
        over = File.objects.select_for_update(skip_locked=True).filter(
            expires_at__lte=timezone.now()
        )
        found = list(over.order_by("expires_at").values_list("id", flat=True)[:FEW])
        return File.objects.filter(id__in=found).delete()[0]


def drop_leftovers() -> int:
    """Drop the bytes of a few leftovers; returns how many are gone."""
    with transaction.atomic():
        due = Leftover.objects.select_for_update(skip_locked=True).filter(
            due_at__lte=timezone.now()
        )
        found = list(due.order_by("due_at").values_list("key", flat=True)[:FEW])
        gone = [key for key in found if drop_bytes(key)]
        Leftover.objects.filter(key__in=gone).delete()
        Leftover.objects.filter(key__in=set(found) - set(gone)).update(
            due_at=timezone.now() + LATER
        )
        return len(gone)
