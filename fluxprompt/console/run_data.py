"""Where an operator says why they look at what a workspace's runs were given and made."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from accounts.errors import InvalidValue
from accounts.models import Workspace
from accounts.operators.support import RUN_DATA
from execution.run_values import LONGEST_REASON, OPEN_SECONDS, open_values
from fluxprompt.console.pages import console_page, operator_for, shown


@require_http_methods(["GET", "HEAD", "POST"])
@console_page(sees=RUN_DATA, changes=RUN_DATA)
def run_data(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """Ask for the reason; then back to where one came from."""
    workspace = Workspace.objects.filter(id=workspace_id).first()
    if workspace is None:
        raise Http404("There is no such workspace.")
    back = request.GET.get("next", "")
    # An address of the console, else whoever sends a link decides where one lands.
    here = back.startswith("/admin/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    refused = ""
    if request.method == "POST":
        try:
            open_values(request, operator_for(request), workspace, request.POST.get("reason", ""))
        except InvalidValue as error:
            refused = error.message
        else:
            return redirect(back if here else "admin:execution_run_changelist")
    return shown(
        request,
        "run_data",
        f"Values of runs of {workspace.name}",
        status=422 if refused else 200,
        workspace=workspace,
        minutes=OPEN_SECONDS // 60,
        most=LONGEST_REASON,
        refused=refused,
        sent=request.POST.get("reason", ""),
    )
