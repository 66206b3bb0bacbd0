"""Workers and queues: what waits, who asks for it, and which steps fail and are tried again."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from execution.admin import temporal_ui_link
from execution.presence import workers_present
from execution.queue_states import MOST_ASKED, MOST_LISTED, failing_steps, queue_states
from execution.temporal_client import TemporalUnreachable
from fluxprompt.console.pages import console_page, shown


@require_safe
@console_page(sees="execution.view_run")
def workers(request: HttpRequest) -> HttpResponse:
    """A page also where Temporal does not answer: then it says so."""
    context: dict[str, Any] = {"present": workers_present(), "most": MOST_ASKED}
    try:
        steps, asked = failing_steps()
        links = [(step, temporal_ui_link(step.run)) for step in steps]
        context |= {"queues": queue_states(), "steps": links, "asked": asked}
        context["is_cut"] = len(steps) >= MOST_LISTED
    except TemporalUnreachable as away:
        context["away"] = str(away)
    return shown(request, "workers", "Workers and queues", **context)
