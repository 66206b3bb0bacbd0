"""What operators delete ends as it does for people: runs are stopped, bytes go, others are told."""

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.members.closing import close_workspace
from accounts.models import Workspace
from accounts.operators.tables import operator_actor


class ClosedByService:
    """The admin of workspaces: one, or many at once, are closed by the service."""

    def delete_model(self, request: HttpRequest, obj: Workspace) -> None:
        close_workspace(operator_actor(request, obj.id), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Workspace]) -> None:
        for workspace in queryset:
            self.delete_model(request, workspace)
