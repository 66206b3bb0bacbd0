"""REST views of the documents of a collection."""

from typing import Any, ClassVar
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.response import Response

from execution.knowledge import limits, services
from execution.knowledge.api.schemas import (
    ADD,
    DOCUMENT,
    DOCUMENT_DETAIL,
    DOCUMENT_EXAMPLE,
    UPLOAD,
)
from execution.knowledge.api.views import TAG, KnowledgeView
from execution.knowledge.models import Collection, Document
from execution.knowledge.queries import document_payload, documents_of, live_index, states_of
from execution.knowledge.reading import TAKEN, as_text, media_type_of
from execution.knowledge.uploads import Given, given_file
from fluxprompt.api.openapi import PAGING, PROBLEM, call, page_of
from fluxprompt.api.paging import newest_first
from fluxprompt.api.parsing import StrictJSONParser, read_json
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import text_field

JSON = Any


class DocumentView(KnowledgeView):
    """Calls about documents."""

    def document(self, collection: Collection, key: UUID) -> Document:
        found = Document.objects.filter(collection=collection, pk=key).first()
        if found is None:
            raise Http404("There is no such document in this collection.")
        return found

    def rows(self, collection: Collection, documents: list[Document]) -> list[dict[str, JSON]]:
        index = live_index(collection.pk)
        states = states_of(index.pk, documents) if index is not None else {}
        return [document_payload(one, states.get(one.pk)) for one in documents]


class DocumentsView(DocumentView):
    """The documents of a collection."""

    required_action: ClassVar = {"GET": "knowledge.read", "POST": "knowledge.edit"}

    def get_parsers(self) -> list[BaseParser]:
        return [StrictJSONParser(), MultiPartParser()]

    @call(
        "list_documents",
        "List the documents of a collection, newest first, without their texts",
        {
            200: (
                "A page of documents",
                page_of(DOCUMENT),
                {"results": [DOCUMENT_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag=TAG,
    )
    def get(self, request: Any, collection: str) -> Response:
        found = self.collection(collection)
        page = newest_first(
            documents_of(found), by="created_at", limit=self.limit, cursor=self.query("cursor")
        )
        return Response({"results": self.rows(found, page.results), "next": page.next})

    @call(
        "add_document",
        "Add a document, as JSON or as an uploaded file",
        {
            200: ("The collection has this text already", DOCUMENT, DOCUMENT_EXAMPLE),
            201: ("The document, which is indexed next", DOCUMENT, DOCUMENT_EXAMPLE),
            409: ("The collection or the workspace is full", PROBLEM, None),
        },
        description=(
            f"Taken are {TAKEN}, texts as UTF-8, up to {limits.CHARACTERS_PER_DOCUMENT:,} "
            "characters of text. A text that the collection has is not stored twice."
        ),
        bodies={"application/json": ADD, "multipart/form-data": UPLOAD},
        body_example={"name": "Returns", "text": "You can send an order back within 30 days."},
        tag=TAG,
    )
    def post(self, request: Any, collection: str) -> Response:
        found = self.collection(collection)
        given = self._uploaded() if self._is_form() else self._sent()
        document, is_new = services.add_document(
            self.actor,
            found,
            name=given.name,
            text=given.text,
            media_type=given.media_type,
            source=given.source,
            metadata=given.metadata,
        )
        (shown,) = self.rows(found, [document])
        return Response(shown, status=201 if is_new else 200)

    def _is_form(self) -> bool:
        return str(self.request.content_type).startswith("multipart/form-data")

    def _sent(self) -> Given:
        body = self.object_body("name", "text", "media_type", "source", "metadata")
        name = text_field(body, "name", most=limits.NAME_LENGTH, required=True) or ""
        text, metadata = body.get("text"), body.get("metadata")
        if not isinstance(text, str):
            raise refuse(422, "required", "'text' is missing, or no text.", "text")
        media_type = media_type_of(text_field(body, "media_type", most=100) or "text/plain")
        source = text_field(body, "source", most=limits.SOURCE_LENGTH) or ""
        return Given(name, as_text(text, media_type), media_type, source, _object(metadata))

    def _uploaded(self) -> Given:
        form: Any = self.request.data
        file = form.get("file")
        if not isinstance(file, UploadedFile):
            raise refuse(422, "required", "'file' is missing: send one as a file.", "file")
        metadata = form.get("metadata")
        facts = read_json(metadata.encode()) if isinstance(metadata, str) and metadata else None
        return given_file(
            file,
            name=str(form.get("name") or ""),
            source=str(form.get("source") or ""),
            metadata=_object(facts),
        )


def _object(metadata: JSON) -> dict[str, JSON]:
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise refuse(422, "type", "'metadata' has to be an object.", "metadata")
    return metadata


class OneDocumentView(DocumentView):
    """One document."""

    required_action: ClassVar = {"GET": "knowledge.read", "DELETE": "knowledge.edit"}

    @call(
        "get_collection_document",
        "Get a document with its text",
        {
            200: (
                "The document",
                DOCUMENT_DETAIL,
                {**DOCUMENT_EXAMPLE, "text": "# Returns\n\nYou can send an order back …"},
            )
        },
        tag=TAG,
    )
    def get(self, request: Any, collection: str, document: UUID) -> Response:
        found = self.collection(collection)
        row = self.document(found, document)
        (shown,) = self.rows(found, [row])
        return Response({**shown, "text": row.text})

    @call(
        "delete_document",
        "Delete a document",
        {204: ("It is deleted, and not found any more", None, None)},
        tag=TAG,
    )
    def delete(self, request: Any, collection: str, document: UUID) -> Response:
        found = self.collection(collection)
        services.delete_document(self.actor, found, self.document(found, document))
        return Response(status=204)
