"""REST addresses of the execution app, below /api/v1/."""

from django.urls import URLPattern, path

from execution.api import (
    approval_views,
    document_views,
    memory_views,
    model_views,
    start_views,
    steering_views,
    views,
)
from execution.api import problems as _problems  # noqa: F401  (registers its exceptions)

urlpatterns: list[URLPattern] = [
    path("flows/<slug:flow>/runs", start_views.StartRunView.as_view(), name="api-flow-runs"),
    path(
        "flows/<slug:flow>/sessions/<path:session>/memory",
        memory_views.SessionMemoryView.as_view(),
        name="api-session-memory",
    ),
    path("models", model_views.ModelsView.as_view(), name="api-models"),
    path("runs", views.RunsView.as_view(), name="api-runs"),
    path("runs/<uuid:run>", views.OneRunView.as_view(), name="api-run"),
    path("runs/<uuid:run>/nodes", views.NodeRunsView.as_view(), name="api-run-nodes"),
    path(
        "runs/<uuid:run>/document",
        document_views.RunDocumentView.as_view(),
        name="api-run-document",
    ),
    path("runs/<uuid:run>/events", views.EventsView.as_view(), name="api-run-events"),
    path("runs/<uuid:run>/cancel", views.CancelView.as_view(), name="api-run-cancel"),
    path("runs/<uuid:run>/pause", steering_views.PauseView.as_view(), name="api-run-pause"),
    path("runs/<uuid:run>/resume", steering_views.ResumeView.as_view(), name="api-run-resume"),
    path("runs/<uuid:run>/rerun", steering_views.RerunView.as_view(), name="api-run-rerun"),
    path(
        "runs/<uuid:run>/approvals",
        approval_views.RunApprovalsView.as_view(),
        name="api-run-approvals",
    ),
    path(
        # Names of an agent's steps begin with a dot, which no slug has.
        "runs/<uuid:run>/approvals/<str:node>",
        approval_views.DecideView.as_view(),
        name="api-run-approval",
    ),
    path("approvals", approval_views.ApprovalsView.as_view(), name="api-approvals"),
    path("runs/<uuid:run>/values/<slug:digest>", views.ValueView.as_view(), name="api-run-value"),
]
