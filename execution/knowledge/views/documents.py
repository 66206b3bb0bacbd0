"""Pages of a collection's documents: added, read, deleted, and found by a query that is tried."""

from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.web import workspace_page
from execution.knowledge import services
from execution.knowledge.errors import KnowledgeFull, KnowledgeInvalid
from execution.knowledge.finding import search_collection
from execution.knowledge.forms import DocumentForm, TryForm
from execution.knowledge.models import Chunk, Collection, Document
from execution.knowledge.queries import live_index
from execution.knowledge.uploads import Given, given_file
from execution.knowledge.views.collections import collection_for, go_to, page_context
from flows.engine.errors import NodeError
from flows.views.page_request import PageRequest

#: Characters of a document, and chunks of it, that its page shows; files taken at once.
SHOWN_CHARACTERS, SHOWN_CHUNKS, MOST_FILES = 100_000, 100, 50


@require_POST
@workspace_page
def add_documents(request: PageRequest, collection_id: UUID) -> HttpResponse:
    """Files and a pasted text; what cannot be taken is told, the rest is added."""
    collection = collection_for(request, collection_id)
    request.actor.require("knowledge.edit")
    form = DocumentForm(request.POST)
    files = request.FILES.getlist("file")
    if form.is_valid():
        if not files and not form.cleaned_data["text"].strip():
            form.add_error("text", "Choose files, or paste a text.")
        elif len(files) > MOST_FILES:
            form.add_error(None, f"Choose {MOST_FILES} files at most at once.")
        elif _all_added(request, collection, form, files):
            return redirect("collection-detail", collection.pk)
    context = page_context(request, collection, document_form=form)
    return render(request, "knowledge/collection_page.html", context, status=422)


def _all_added(
    request: PageRequest, collection: Collection, form: DocumentForm, files: list[UploadedFile]
) -> bool:
    """Add each by itself; whether every one was taken."""
    filled, added = form.cleaned_data, 0
    for file in files:
        added += _added(request, collection, form, file)
    if filled["text"].strip():
        text = filled["text"].replace("\r\n", "\n")
        given = Given(filled["name"], text, "text/markdown", filled["source"])
        added += _added(request, collection, form, given)
    if added:
        plural = "" if added == 1 else "s"
        messages.success(request, f"{added} document{plural} added; the index follows.")
    return not form.errors


def _added(
    request: PageRequest, collection: Collection, form: DocumentForm, what: UploadedFile | Given
) -> int:
    named = what.name or "The file"
    try:
        source = form.cleaned_data["source"]
        given = what if isinstance(what, Given) else given_file(what, source=source)
        _, is_new = services.add_document(
            request.actor,
            collection,
            name=given.name,
            text=given.text,
            media_type=given.media_type,
            source=given.source,
        )
    except KnowledgeInvalid as refused:
        if isinstance(what, Given):
            form.refuse(refused)
        else:
            form.add_error(None, f"{named[:100]}: {refused.message}")
        return 0
    except KnowledgeFull as full:
        form.add_error(None, str(full))
        return 0
    if not is_new:
        messages.success(request, f"The collection has the text of “{named[:100]}” already.")
    return int(is_new)


@require_POST
@workspace_page
def try_query(request: PageRequest, collection_id: UUID) -> HttpResponse:
    """The matches of a query, in place; the whole page without scripts."""
    collection = collection_for(request, collection_id)
    form = TryForm(request.POST)
    found = None
    if form.is_valid():
        filled = form.cleaned_data
        try:
            found = search_collection(
                request.actor,
                collection,
                filled["query"],
                top_k=filled["top_k"],
                min_score=filled["min_score"],
            )
        except NodeError as error:
            form.add_error(None, error.message)
    more = {"try_form": form, "found": found, "tried": True}
    context = page_context(request, collection, **more)
    template = "knowledge/_try.html" if request.htmx else "knowledge/collection_page.html"
    return render(request, template, context, status=422 if form.errors else 200)


@require_GET
@workspace_page
def document_page(request: PageRequest, collection_id: UUID, document_id: UUID) -> HttpResponse:
    """A document as it is searched: chunk by chunk, once it is indexed."""
    collection = collection_for(request, collection_id)
    document = get_object_or_404(Document, collection=collection, pk=document_id)
    index = live_index(collection.pk)
    chunks = Chunk.objects.filter(index=index, document=document).order_by("position")
    context = {
        "collection": collection,
        "document": document,
        "text": document.text[:SHOWN_CHARACTERS],
        "is_cut": document.characters > SHOWN_CHARACTERS,
        "chunks": list(chunks.values("position", "heading", "text")[:SHOWN_CHUNKS]),
        "chunk_count": chunks.count(),
        "may_edit": request.actor.can("knowledge.edit"),
    }
    return render(request, "knowledge/document_page.html", context)


@require_POST
@workspace_page
def delete_document(request: PageRequest, collection_id: UUID, document_id: UUID) -> HttpResponse:
    """Delete it, and go back to its collection."""
    collection = collection_for(request, collection_id)
    document = get_object_or_404(Document, collection=collection, pk=document_id)
    services.delete_document(request.actor, collection, document)
    messages.success(request, f"“{document.name}” is deleted, and not found any more.")
    return go_to(request, "collection-detail", collection.pk)
