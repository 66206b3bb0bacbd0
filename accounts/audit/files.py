"""The audit trail as a file: CSV for spreadsheets, or a line of JSON for each event."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections, connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from accounts.audit.queries import AuditFilter, audit_events, event_payload, in_pieces
from accounts.models import AuditEvent, Workspace
from accounts.permissions import Actor
from accounts.services import audit

COLUMNS = (
    *("at", "actor", "user", "via", "ip", "action", "target_type", "target_id", "details", "id"),
)
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
#: Old events that one transaction deletes.
BATCH = 5_000


def export_audit(
    actor: Actor, request: HttpRequest, wanted: AuditFilter, kind: str
) -> StreamingHttpResponse:
    """The events as a download, `kind` one of FORMATS; the export is an event as well.

    It is sent as it is read, so that a trail of any length takes little memory. Raises
    PermissionRefused.
    """
    rows = audit_events(actor, wanted)
    workspace = Workspace.objects.get(id=actor.workspace_id)
    # What is written from here on, the export itself too, is left out.
    rows = rows.filter(at__lte=timezone.now())
    with transaction.atomic():
        audit(actor, "audit.export", workspace, format=kind, filter=wanted.as_details())
    pieces = _pieces(rows, _csv if kind == "csv" else _lines, kind)
    name = f"audit-{workspace.slug}-{timezone.now():%Y-%m-%d}.{kind}"
    return StreamingHttpResponse(
        _asynchronously(pieces) if isinstance(request, ASGIRequest) else pieces,
        content_type=FORMATS[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _pieces(
    rows: QuerySet[AuditEvent], write: Callable[[list[AuditEvent]], str], kind: str
) -> Iterator[bytes]:
    if kind == "csv":
        yield (",".join(COLUMNS) + "\r\n").encode()
    for piece in in_pieces(rows):
        yield write(piece).encode()


async def _asynchronously(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same for an event loop: each piece is read on a thread, which then lets go."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes | None:
    try:
        return next(pieces, None)
    finally:
        close_old_connections()


def _csv(events: list[AuditEvent]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    for event in events:
        row = event_payload(event)
        row["details"] = json.dumps(event.details, ensure_ascii=False) if event.details else ""
        writer.writerow([safe_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def safe_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what would begin one."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _lines(events: list[AuditEvent]) -> str:
    return "".join(json.dumps(event_payload(event), ensure_ascii=False) + "\n" for event in events)


def expire_audit() -> int:
    """Delete a few events that are kept no longer (FLUX_AUDIT_DAYS); returns how many.

    The only deletion that the table's trigger lets through.
    """
    if settings.FLUX_AUDIT_DAYS is None:
        return 0
    before = timezone.now() - timedelta(days=settings.FLUX_AUDIT_DAYS)
    old = AuditEvent.objects.filter(at__lt=before).order_by("at").values("id")[:BATCH]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL flux.audit_retention = 'on'")
        count, _ = AuditEvent.objects.filter(id__in=old).delete()
        # Not for what else this connection does in an outer transaction.
        cursor.execute("SET LOCAL flux.audit_retention = 'off'")
    return count
