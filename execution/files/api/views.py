"""REST views of files: upload, list, look, download, delete."""

import hashlib
import os
from typing import Any, ClassVar
from urllib.parse import quote
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import reverse
from rest_framework.exceptions import NotAuthenticated
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from execution.api.requests import idempotency_key
from execution.files.api.schemas import FILE, FILE_EXAMPLE, UPLOAD
from execution.files.downloads import download
from execution.files.models import File
from execution.files.queries import file_payload, files_of
from execution.files.services import FileRefused, delete_file, store_file
from fluxprompt.api.openapi import PAGING, PROBLEM, call, page_of, parameter
from fluxprompt.api.paging import newest_first
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import ApiView

KEY_HEADER = parameter(
    "Idempotency-Key",
    "Sent again with the same file, it answers with the first one; with another it is refused.",
    header=True,
    schema={"type": "string", "maxLength": 200},
)


class FilesView(ApiView):
    """The files of the workspace."""

    required_action: ClassVar = {"GET": "file.read", "POST": "file.write"}

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        if "HTTP_TRANSFER_ENCODING" in request.META and isinstance(request, ASGIRequest):
            # A chunked body lies in a temporary file by now; it is not read into memory.
            stream = request._stream  # type: ignore[attr-defined]
            stream.seek(0, os.SEEK_END)
            request.META.setdefault("CONTENT_LENGTH", str(stream.tell()))
            stream.seek(0)
        return super().initialize_request(request, *args, **kwargs)

    def get_parsers(self) -> list[BaseParser]:
        return [MultiPartParser()]

    @call(
        "list_files",
        "List files, newest first",
        {200: ("A page of files", page_of(FILE), {"results": [FILE_EXAMPLE], "next": None})},
        parameters=(*PAGING, parameter("run", "Id of a run: the files that it made.")),
        tag="Files",
    )
    def get(self, request: Any) -> Response:
        rows = files_of(self.actor)
        if run := self.query("run"):
            try:
                rows = rows.filter(run_id=UUID(run))
            except ValueError:
                raise refuse(400, "bad_parameter", "'run' has to be a run's id.", "run") from None
        page = newest_first(rows, by="created_at", limit=self.limit, cursor=self.query("cursor"))
        return Response({"results": [file_payload(row) for row in page.results], "next": page.next})

    @call(
        "upload_file",
        "Upload a file",
        {
            201: ("The file", FILE, FILE_EXAMPLE),
            200: ("The file that this Idempotency-Key stored before", FILE, None),
            409: ("The workspace has no room for it", PROBLEM, None),
        },
        description=(
            'As an input of a run, a file is `{"file": id}`. What kind of file it is its bytes '
            "tell, not the type that is sent along; its name is only a label."
        ),
        bodies={"multipart/form-data": UPLOAD},
        parameters=(KEY_HEADER,),
        tag="Files",
    )
    def post(self, request: Any) -> Response:
        upload, name = self._sent(request)
        key = idempotency_key(request.headers.get("Idempotency-Key"))
        origin = self._origin(key) if key else None
        earlier = files_of(self.actor).filter(origin=origin).first() if origin else None
        if earlier is not None and not _is_same(earlier, upload):
            raise FileRefused(
                "idempotency_key_reused",
                "This Idempotency-Key was used for another file. Use a new key for a new file.",
            )
        file = earlier or store_file(
            self.actor,
            name,
            upload,
            media_type=upload.content_type or "",
            origin=origin,
        )
        return Response(
            file_payload(file),
            status=200 if earlier else 201,
            headers={"Location": f"/api/v1/files/{file.id}"},
        )

    def _sent(self, request: Any) -> tuple[UploadedFile, str]:
        uploads = request.FILES.getlist("file") if request.data is not None else []
        unknown = [name for name in request.data if name not in ("file", "name")]
        if unknown:
            shown = unknown[0][:60]
            message = f"'{shown}' is not a field of this call. It takes: file, name."
            raise refuse(422, "unknown_field", message, shown)
        if len(uploads) != 1:
            message = "Send one file, as the field 'file' of multipart/form-data."
            raise refuse(422, "required" if not uploads else "too_many", message, "file")
        name = request.data.get("name")
        return uploads[0], name if isinstance(name, str) and name.strip() else uploads[0].name

    def _origin(self, key: str) -> str:
        who = self.actor.api_key_id or self.actor.user_id
        return hashlib.sha256(f"upload {who} {key}".encode()).hexdigest()


def _is_same(earlier: File, upload: UploadedFile) -> bool:
    if earlier.size != upload.size:
        return False
    digest = hashlib.sha256()
    for piece in upload.chunks():
        digest.update(piece)
    return digest.hexdigest() == earlier.sha256


class FileView(ApiView):
    """A call about one file."""

    def file(self, file_id: UUID) -> File:
        found = files_of(self.actor).filter(pk=file_id).first()
        if found is None:
            raise Http404("There is no such file in this workspace.")
        return found


class OneFileView(FileView):
    """One file."""

    required_action: ClassVar = {"GET": "file.read", "DELETE": "file.delete"}

    @call("get_file", "Get a file's facts", {200: ("The file", FILE, FILE_EXAMPLE)}, tag="Files")
    def get(self, request: Any, file: UUID) -> Response:
        return Response(file_payload(self.file(file)))

    @call("delete_file", "Delete a file", {204: ("It is gone", None, None)}, tag="Files")
    def delete(self, request: Any, file: UUID) -> Response:
        delete_file(self.actor, self.file(file))
        return Response(status=204)


class ContentView(FileView):
    """The bytes of a file."""

    required_action: ClassVar = {"GET": "file.read"}

    @call(
        "get_file_content",
        "Download a file",
        {200: ("The bytes, as an attachment", {"type": "string", "format": "binary"}, None)},
        answer_types=("application/octet-stream",),
        description=(
            "`Content-Type` is the file's own. A browser that is not signed in is sent to the "
            "sign-in page, so that the address may be handed to people."
        ),
        tag="Files",
    )
    def get(self, request: Any, file: UUID) -> Any:
        return download(request._request, self.file(file))

    def handle_exception(self, exc: Exception) -> Any:
        wants_page = "text/html" in self.request.headers.get("Accept", "")
        if isinstance(exc, NotAuthenticated) and wants_page:
            page = reverse("file-download", args=[self.kwargs["file"]])
            return HttpResponseRedirect(f"{reverse('account_login')}?next={quote(page)}")
        return super().handle_exception(exc)
