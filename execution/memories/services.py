"""People's side of memories: a session is forgotten on demand, others in their time."""

from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts.operators.system_settings import retention_days
from accounts.permissions import Actor
from accounts.services import audit
from execution.memories.models import Memory, MemoryScope
from flows.models import Flow
from flows.sharing import require_on

JSON = Any
#: Memories that one transaction deletes.
FEW = 100


def forget_session(actor: Actor, flow: Flow, session_id: str) -> int:
    """Delete all that is remembered of a session of a flow; returns how many memories that were.

    What runs under way still add afterwards is kept. Deleting twice is harmless.
    """
    require_on(actor, "run.start", flow)
    with transaction.atomic():
        rows = Memory.objects.visible_to(actor).select_for_update()
        found = rows.filter(flow=flow, scope=MemoryScope.SESSION, session_id=session_id)
        ids = [memory.id for memory in found.order_by("id").only("id")]
        if ids:
            Memory.objects.filter(id__in=ids).delete()
            audit(actor, "memory.forget", flow, session=session_id, memories=len(ids))
    return len(ids)


# LEAST passes over NULL; where all are NULL nothing is older than it.
_EXPIRED = """
SELECT m.id FROM memories_memory AS m JOIN accounts_workspace AS w ON w.id = m.workspace_id
LEFT JOIN accounts_plan AS p ON p.id = w.plan_id
WHERE m.scope = 'session' AND m.updated_at < now() - make_interval(days => LEAST(
  COALESCE(w.retention_days, %(runs)s::integer), p.retention_days, %(unused)s::integer))
ORDER BY m.updated_at LIMIT %(few)s FOR UPDATE OF m SKIP LOCKED
"""


def expire_sessions() -> int:
    """Delete a few sessions' memories that nothing was added to for long; returns how many.

    A workspace that keeps runs for fewer days keeps these no longer either.
    """
    values: dict[str, JSON] = {
        "runs": retention_days(),
        "unused": settings.FLUX_MEMORY_DAYS,
        "few": FEW,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_EXPIRED, values)
        found = [row[0] for row in cursor.fetchall()]
        Memory.objects.filter(id__in=found).delete()
    return len(found)
