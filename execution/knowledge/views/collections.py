"""Pages of collections: the list, and one collection with its progress and settings."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.web import workspace_page
from execution.knowledge import services
from execution.knowledge.errors import CollectionGone, KnowledgeFull, KnowledgeInvalid
from execution.knowledge.forms import CollectionForm, DocumentForm, TryForm
from execution.knowledge.models import Collection
from execution.knowledge.queries import documents_of, indexes_of, states_of
from flows.views.page_request import PageRequest

PER_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page
def collection_list(request: PageRequest) -> HttpResponse:
    """The workspace's collections, and a form for a new one; its errors come back as 422."""
    request.actor.require("knowledge.read")
    form = CollectionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_collection(request.actor, **form.cleaned_data)
        except KnowledgeInvalid as refused:
            form.refuse(refused)
        except KnowledgeFull as full:
            form.add_error(None, str(full))
        else:
            messages.success(request, "The collection is made. Add documents to it.")
            return redirect("collection-detail", made.pk)
    rows = Collection.objects.visible_to(request.actor).order_by("-created_at")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    known = indexes_of(page.object_list)
    context = {
        "page": page,
        "collections": [(one, known[one.pk]) for one in page.object_list if one.pk in known],
        "form": form,
        "may_edit": request.actor.can("knowledge.edit"),
    }
    status = 422 if form.errors else 200
    return render(request, "knowledge/collection_list.html", context, status=status)


def collection_for(request: PageRequest, collection_id: UUID) -> Collection:
    """Of the reader's workspace; else 404."""
    return get_object_or_404(Collection.objects.visible_to(request.actor), pk=collection_id)


def go_to(request: PageRequest, name: str, *arguments: UUID) -> HttpResponse:
    """Another page, also where the form was sent by script."""
    address = reverse(name, args=arguments)
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def page_context(request: PageRequest, collection: Collection, **more: Any) -> dict[str, Any]:
    """What the page of a collection shows; `more` replaces forms that had errors."""
    indexes = indexes_of([collection])[collection.pk]
    rows = documents_of(collection).order_by("-created_at", "-pk")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    states = states_of(indexes.live.index.pk, page.object_list)
    return {
        "collection": collection,
        "indexes": indexes,
        "page": page,
        "documents": [(one, states.get(one.pk)) for one in page.object_list],
        "may_edit": request.actor.can("knowledge.edit"),
        "form": CollectionForm(of=collection),
        "document_form": DocumentForm(),
        "try_form": TryForm(),
        **more,
    }


@require_GET
@workspace_page
def collection_page(request: PageRequest, collection_id: UUID) -> HttpResponse:
    """One collection: its documents, how far its index is, a query to try."""
    collection = collection_for(request, collection_id)
    context = page_context(request, collection)
    partial = request.htmx and not request.htmx.history_restore_request
    template = "knowledge/collection_page.html" + ("#documents" if partial else "")
    return render(request, template, context)


@require_GET
@workspace_page
def collection_progress(request: PageRequest, collection_id: UUID) -> HttpResponse:
    """How far the indexes are; asked again by the page while there is work."""
    collection = collection_for(request, collection_id)
    context = {"collection": collection, "indexes": indexes_of([collection])[collection.pk]}
    return render(request, "knowledge/_progress.html", context)


@require_POST
@workspace_page
def change_collection(request: PageRequest, collection_id: UUID) -> HttpResponse:
    """Name and settings; errors come back in the page, as 422."""
    collection = collection_for(request, collection_id)
    form = CollectionForm(request.POST)
    if form.is_valid():
        try:
            services.update_collection(request.actor, collection, **form.cleaned_data)
        except KnowledgeInvalid as refused:
            form.refuse(refused)
        else:
            messages.success(request, "Saved.")
            return redirect("collection-detail", collection.pk)
    context = page_context(request, collection, form=form)
    return render(request, "knowledge/collection_page.html", context, status=422)


@require_POST
@workspace_page
def reindex_collection(request: PageRequest, collection_id: UUID) -> HttpResponse:
    """Build the index anew; with `only_failed`, try failed documents again."""
    collection = collection_for(request, collection_id)
    only_failed = bool(request.POST.get("only_failed"))
    services.reindex(request.actor, collection, only_failed=only_failed)
    said = "Failed documents are tried again." if only_failed else "The index is built anew."
    messages.success(request, said)
    return redirect("collection-detail", collection.pk)


@require_POST
@workspace_page
def delete_collection(request: PageRequest, collection_id: UUID) -> HttpResponse:
    """Delete it, and go to the list."""
    collection = collection_for(request, collection_id)
    try:
        services.delete_collection(request.actor, collection)
    except CollectionGone as gone:
        messages.error(request, str(gone))
    else:
        messages.success(request, f"“{collection.name}” is deleted.")
    return go_to(request, "collection-list")
