"""What operators do with many runs at once: asked once more, with the reason it is done for.

The services do it, and write who did what; the reason goes to the audit trail beside it.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.operators.operating import operator_of
from accounts.operators.tables import operator_actor
from accounts.permissions import Actor
from execution import services
from execution.errors import IdempotencyConflict, InputsInvalid, RunStateConflict
from execution.models import Run
from execution.requeue import requeue_run
from execution.taking import REFUSED
from execution.temporal_client import TemporalUnreachable

#: Runs that one action is about.
MOST = 200
LONGEST_REASON = 200
#: Why a run is left alone, each with a sentence.
LEFT_ALONE = (
    *REFUSED,
    RunStateConflict,
    IdempotencyConflict,
    InputsInvalid,
    TemporalUnreachable,
)
type Deed = Callable[[Actor, Run], Any]


class RunActions:
    """The actions of the runs' table."""

    actions = ("cancel", "requeue")

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("execution.change_run"))  # type: ignore[union-attr]

    @admin.action(description="Cancel the selected runs", permissions=["steer"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        return self._asked(
            request,
            queryset,
            "cancel",
            "Cancel these runs",
            "Calls in flight are aborted; what is recorded stays.",
            services.cancel_run,
        )

    @admin.action(description="Requeue the selected runs", permissions=["steer"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        return self._asked(
            request,
            queryset,
            "requeue",
            "Requeue these runs",
            "Runs whose start was lost are started; those that the machinery made fail go on in a "
            "rerun, from where they were cut off. Others are left alone.",
            requeue_run,
        )

    def _asked(
        self,
        request: HttpRequest,
        queryset: QuerySet[Run],
        name: str,
        title: str,
        what: str,
        do: Deed,
    ) -> HttpResponse | None:
        """The page that asks, or what was done where it was answered."""
        runs = list(queryset.select_related("flow", "workspace")[: MOST + 1])
        if len(runs) > MOST:
            _say(request, f"Choose {MOST} runs at most.", messages.ERROR)
            return None
        reason = " ".join(request.POST.get("reason", "").replace("\x00", "").split())
        if reason and len(reason) <= LONGEST_REASON:
            _carried_out(request, runs, name, reason, do)
            return None
        frame = admin.site.each_context(request)
        context = {
            **frame,
            "title": title,
            "what": what,
            "runs": runs,
            "action": name,
            "field": helpers.ACTION_CHECKBOX_NAME,
            "most": LONGEST_REASON,
            "reason": reason,
            "is_refused": "reason" in request.POST,
            "opts": Run._meta,
        }
        return TemplateResponse(request, "admin/execution/run/confirm.html", context)


def _carried_out(request: HttpRequest, runs: list[Run], name: str, reason: str, do: Deed) -> None:
    done, left = 0, []
    operator = operator_of(request.user)  # type: ignore[arg-type]
    for run in runs:
        try:
            do(operator_actor(request, run.workspace_id), run)
        except LEFT_ALONE as refused:
            left.append(str(refused))
            continue
        except Run.DoesNotExist:
            left.append("The run was deleted meanwhile.")
            continue
        done += 1
        operator.audit(f"operator.{name}", run, workspace_id=run.workspace_id, reason=reason)
    if left:
        _say(request, f"{len(left)} left alone: {left[0]}", messages.WARNING)
    if done:
        words = "told to stop" if name == "cancel" else "started again"
        _say(
            request, f"{done} {'run was' if done == 1 else 'runs were'} {words}.", messages.SUCCESS
        )


def _say(request: HttpRequest, text: str, level: int) -> None:
    messages.add_message(request, level, text)
