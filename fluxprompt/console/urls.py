"""Addresses of the console's pages, below that of the admin."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from fluxprompt.console.configuration import configuration, feature_switches, maintenance
from fluxprompt.console.models import models
from fluxprompt.console.plans import plans, workspace_plan
from fluxprompt.console.run_data import run_data
from fluxprompt.console.workers import workers


def console_urls(wrap: Callable[[Any], Any]) -> list[URLPattern]:
    """`wrap`: the admin site's own guard of its views."""
    return [
        path("console/workers/", wrap(workers), name="console-workers"),
        path("console/plans/", wrap(plans), name="console-plans"),
        path("console/plans/<uuid:workspace_id>/", wrap(workspace_plan), name="console-workspace"),
        path("console/run-data/<uuid:workspace_id>/", wrap(run_data), name="console-run-data"),
        path("console/models/", wrap(models), name="console-models"),
        path("console/features/", wrap(feature_switches), name="console-features"),
        path("console/configuration/", wrap(configuration), name="console-configuration"),
        path("console/maintenance/", wrap(maintenance), name="console-maintenance"),
    ]
