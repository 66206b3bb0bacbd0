"""Downloads for people who are signed in."""

from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_GET

from accounts.web import workspace_page
from execution.files.downloads import download
from execution.files.errors import FileRefused
from execution.files.queries import files_of
from flows.views.page_request import PageRequest


@require_GET
@workspace_page
def file_download(request: PageRequest, file_id: UUID) -> HttpResponseBase:
    """The bytes of a file of the current workspace, as an attachment."""
    request.actor.require("file.read")
    file = files_of(request.actor).filter(id=file_id).first()
    if file is None:
        raise Http404("There is no such file in this workspace.")
    try:
        return download(request, file)
    except FileRefused as refused:
        return HttpResponse(refused.message, status=503, content_type="text/plain; charset=utf-8")
