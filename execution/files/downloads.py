"""Downloads: always an attachment, never something that the browser shows as a page of ours."""

import logging

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

from execution.files.errors import FileRefused
from execution.files.models import File
from execution.files.queries import in_pieces, in_pieces_async
from execution.files.storage import AWAY, storage

logger = logging.getLogger(__name__)


def download(request: HttpRequest, file: File) -> StreamingHttpResponse:
    """The bytes of a file. Http404 where they are gone; FileRefused where the storage is away."""
    try:
        handle = storage().open(file.key, "rb")
    except FileNotFoundError:
        raise Http404("The bytes of this file are not stored any more.") from None
    except Exception as error:
        logger.exception("Bytes cannot be read")
        raise FileRefused("file_storage_unavailable", AWAY) from error
    pieces = in_pieces_async if isinstance(request, ASGIRequest) else in_pieces
    return StreamingHttpResponse(
        pieces(handle),
        content_type=file.media_type,
        headers={
            "Content-Length": str(file.size),
            "Content-Disposition": content_disposition_header(True, file.name) or "attachment",
            "X-Content-Type-Options": "nosniff",
            # Should it be shown all the same: no script, no origin, nothing loaded.
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "private, no-store",
        },
    )
