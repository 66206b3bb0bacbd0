"""Every write of knowledge: collections, their documents, and the start of new indexes."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify

from accounts.models import Workspace
from accounts.permissions import Actor
from accounts.services import audit
from execution.knowledge import limits
from execution.knowledge.dispatch import tell_after_commit
from execution.knowledge.errors import CollectionGone, KnowledgeFull, KnowledgeInvalid
from execution.knowledge.models import (
    LANGUAGES,
    Collection,
    Document,
    DocumentState,
    IndexedDocument,
    IndexState,
    SearchIndex,
)
from execution.knowledge.queries import chunks_of_workspace
from execution.knowledge.reading import media_type_of
from execution.knowledge.recording import forget_document
from execution.providers.embeddings import check_embedding_model
from execution.providers.local_embeddings import MODELS
from flows.engine.errors import NodeError
from flows.storable import unstorable

JSON = Any
DEFAULT_MODEL = f"local/{MODELS[0]}"
SETTINGS = ("model", "chunk_size", "chunk_overlap", "language")
_LOOKS_LIKE_ID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")


def create_collection(
    actor: Actor, *, name: str, description: str = "", slug: str = "", **settings: JSON
) -> Collection:
    """A new, empty collection. `settings`: model, chunk_size, chunk_overlap, language.

    Raises KnowledgeInvalid, KnowledgeFull.
    """
    actor.require("knowledge.edit")
    made = Collection(
        workspace_id=actor.workspace_id,
        name=_name(name),
        description=description,
        created_by_id=actor.user_id,
        **_checked({"model": DEFAULT_MODEL, **settings}),
    )
    with transaction.atomic():
        # One at a time in a workspace: free slugs and the limit are read from its rows.
        Workspace.objects.select_for_update(no_key=True).get(pk=actor.workspace_id)
        mine = Collection.objects.filter(workspace_id=actor.workspace_id)
        if mine.count() >= limits.COLLECTIONS_PER_WORKSPACE:
            most = limits.COLLECTIONS_PER_WORKSPACE
            raise KnowledgeFull(f"A workspace may have {most} collections; delete one first.")
        made.slug = _free_slug(slug or name, set(mine.values_list("slug", flat=True)))
        made.save(force_insert=True)
        _new_index(made, IndexState.LIVE)
        audit(actor, "knowledge.create", made, name=made.name, model=made.model)
    return made


def _name(given: str) -> str:
    name = " ".join(given.split())
    if not name:
        raise KnowledgeInvalid("name", "The name is empty; fill it in.")
    if len(name) > 200:
        raise KnowledgeInvalid("name", "The name may have 200 characters at most.")
    return name


def _checked(settings: Mapping[str, JSON]) -> dict[str, JSON]:
    """Settings of an index. Raises KnowledgeInvalid naming the one that does not do."""
    made: dict[str, JSON] = {
        "chunk_size": limits.DEFAULT_SIZE,
        "chunk_overlap": min(
            limits.DEFAULT_OVERLAP, int(settings.get("chunk_size") or limits.DEFAULT_SIZE) // 2
        ),
        "language": "english",
        **{name: value for name, value in settings.items() if value is not None},
    }
    try:
        check_embedding_model(str(made["model"]))
    except NodeError as error:
        raise KnowledgeInvalid("model", error.message) from error
    if len(made["model"]) > 200:
        raise KnowledgeInvalid("model", "The model's name may have 200 characters at most.")
    if not limits.LEAST_SIZE <= made["chunk_size"] <= limits.MOST_SIZE:
        message = f"A chunk may have {limits.LEAST_SIZE} to {limits.MOST_SIZE:,} characters."
        raise KnowledgeInvalid("chunk_size", message)
    if not 0 <= made["chunk_overlap"] <= made["chunk_size"] // 2:
        message = "The overlap may be half of a chunk at most."
        raise KnowledgeInvalid("chunk_overlap", message)
    if made["language"] not in LANGUAGES:
        message = f"Choose one of: {', '.join(LANGUAGES)}."
        raise KnowledgeInvalid("language", message)
    return made


def _free_slug(wish: str, taken: set[str]) -> str:
    base = slugify(wish)[:70].strip("-_") or "collection"
    if _LOOKS_LIKE_ID.fullmatch(base):
        base = f"collection-{base}"
    number, slug = 1, base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _new_index(collection: Collection, state: IndexState) -> SearchIndex:
    mine = SearchIndex.objects.filter(collection_id=collection.pk)
    return SearchIndex.objects.create(
        workspace_id=collection.workspace_id,
        collection=collection,
        number=(mine.aggregate(last=Max("number"))["last"] or 0) + 1,
        state=state,
        **collection.index_settings,
    )


def held_collection(actor: Actor, collection: Collection) -> Collection:
    """Its row as it is now, held until the transaction ends. Raises CollectionGone."""
    rows = Collection.objects.select_for_update(no_key=True)
    held = rows.filter(pk=collection.pk, workspace_id=actor.workspace_id).first()
    if held is None:
        raise CollectionGone
    return held


def update_collection(actor: Actor, collection: Collection, **changes: JSON) -> Collection:
    """Change name, description or settings; other settings begin a new index.

    Raises KnowledgeInvalid, CollectionGone.
    """
    actor.require("knowledge.edit")
    with transaction.atomic():
        held = held_collection(actor, collection)
        before = held.index_settings
        given = {name: changes[name] for name in SETTINGS if changes.get(name) is not None}
        settings = _checked({**before, **given})
        if changes.get("name") is not None:
            held.name = _name(changes["name"])
        if changes.get("description") is not None:
            held.description = changes["description"]
        for name, value in settings.items():
            setattr(held, name, value)
        held.save()
        audit(actor, "knowledge.edit", held, fields=sorted(changes))
        if settings != before:
            _rebuild(held)
    return held


def delete_collection(actor: Actor, collection: Collection) -> None:
    """Delete it with its documents at once; its chunks are cleared away behind it."""
    actor.require("knowledge.edit")
    with transaction.atomic():
        held = held_collection(actor, collection)
        audit(actor, "knowledge.delete", held, name=held.name, slug=held.slug)
        key = held.pk
        held.delete()
        tell_after_commit(key)


def add_document(
    actor: Actor,
    collection: Collection,
    *,
    name: str,
    text: str,
    media_type: str = "text/plain",
    source: str = "",
    metadata: Mapping[str, JSON] | None = None,
) -> tuple[Document, bool]:
    """(the document, whether it is new): a text that the collection has is not stored twice.

    Raises KnowledgeInvalid, KnowledgeFull, CollectionGone.
    """
    actor.require("knowledge.edit")
    facts = dict(metadata or {})
    _check_document(name, text, source, facts)
    digest = hashlib.sha256(text.encode()).hexdigest()
    with transaction.atomic():
        held = held_collection(actor, collection)
        known = held.documents.filter(digest=digest).first()
        if known is not None:
            return known, False
        _check_room(held)
        made = held.documents.create(
            name=" ".join(name.split()),
            source=source.strip(),
            media_type=media_type_of(media_type),
            text=text,
            characters=len(text),
            digest=digest,
            metadata=facts,
            created_by_id=actor.user_id,
        )
        for index in SearchIndex.objects.filter(
            collection_id=held.pk, state__in=(IndexState.LIVE, IndexState.BUILDING)
        ):
            IndexedDocument.objects.create(index=index, document=made)
        audit(actor, "knowledge.document.add", held, document=str(made.pk), name=made.name)
        tell_after_commit(held.pk)
    return made, True


def _check_document(name: str, text: str, source: str, metadata: dict[str, JSON]) -> None:
    if not name.strip():
        raise KnowledgeInvalid("name", "The name is empty; fill it in.")
    if len(name) > limits.NAME_LENGTH:
        raise KnowledgeInvalid("name", f"A name may have {limits.NAME_LENGTH} characters at most.")
    if not text.strip():
        raise KnowledgeInvalid("text", "There is no text in it.")
    if len(text) > limits.CHARACTERS_PER_DOCUMENT:
        most = limits.CHARACTERS_PER_DOCUMENT
        message = f"A document may have {most:,} characters; this one has {len(text):,}. Split it."
        raise KnowledgeInvalid("text", message)
    if len(source) > limits.SOURCE_LENGTH:
        most = limits.SOURCE_LENGTH
        raise KnowledgeInvalid("source", f"The source may have {most:,} characters at most.")
    if len(json.dumps(metadata)) > limits.METADATA_BYTES:
        most = limits.METADATA_BYTES
        raise KnowledgeInvalid("metadata", f"Metadata may have {most:,} bytes as JSON at most.")
    facts = {"name": name, "text": text, "source": source, "metadata": metadata}
    if found := unstorable(facts):
        raise KnowledgeInvalid(found[0].split(".")[0] or "text", f"{found[0]} {found[1]}.")


def _check_room(collection: Collection) -> None:
    if collection.documents.count() >= limits.DOCUMENTS_PER_COLLECTION:
        most = limits.DOCUMENTS_PER_COLLECTION
        message = f"A collection may have {most:,} documents; delete some, or begin another."
        raise KnowledgeFull(message)
    if chunks_of_workspace(collection.workspace_id) >= limits.CHUNKS_PER_WORKSPACE:
        most = limits.CHUNKS_PER_WORKSPACE
        raise KnowledgeFull(f"The workspace has {most:,} chunks, the most it may have.")


def delete_document(actor: Actor, collection: Collection, document: Document) -> None:
    """Take a document out, from every index at once."""
    actor.require("knowledge.edit")
    with transaction.atomic():
        held = held_collection(actor, collection)
        # Its row goes first: whoever records a batch of it then finds that it is gone.
        rows = IndexedDocument.objects.filter(document=document)
        indexes = SearchIndex.objects.filter(collection_id=held.pk).select_for_update()
        list(indexes.order_by("id"))
        rows.delete()
        forget_document(document)
        audit(actor, "knowledge.document.delete", held, document=str(document.pk))
        document.delete()
        tell_after_commit(held.pk)


def reindex(actor: Actor, collection: Collection, *, only_failed: bool = False) -> Collection:
    """Build the index anew beside the one that is searched; or try failed documents again.

    One that is being built is given up for it. Raises CollectionGone.
    """
    actor.require("knowledge.edit")
    with transaction.atomic():
        held = held_collection(actor, collection)
        audit(actor, "knowledge.reindex", held, only_failed=only_failed)
        if only_failed:
            _retry(held.pk)
            tell_after_commit(held.pk)
        else:
            _rebuild(held)
    return held


def _retry(collection_id: UUID) -> None:
    open_ones = (IndexState.LIVE, IndexState.BUILDING)
    rows = IndexedDocument.objects.filter(
        index__collection_id=collection_id,
        index__state__in=open_ones,
        state=DocumentState.FAILED,
    )
    rows.update(state=DocumentState.PENDING, error="")


def _rebuild(collection: Collection) -> None:
    mine = SearchIndex.objects.filter(collection_id=collection.pk)
    list(mine.select_for_update().order_by("id"))
    mine.filter(state__in=(IndexState.BUILDING, IndexState.FAILED)).update(
        state=IndexState.DISCARDED
    )
    made = _new_index(collection, IndexState.BUILDING)
    ids = collection.documents.order_by("created_at").values_list("id", flat=True)
    IndexedDocument.objects.bulk_create(
        [IndexedDocument(index=made, document_id=key) for key in ids], batch_size=1_000
    )
    tell_after_commit(collection.pk)
