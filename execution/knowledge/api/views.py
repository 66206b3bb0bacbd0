"""REST views of collections: made, changed, searched, indexed anew."""

from typing import Any, ClassVar

from django.http import Http404
from rest_framework.response import Response

from execution.knowledge import limits, services
from execution.knowledge.api import problems
from execution.knowledge.api.schemas import (
    CHANGE,
    COLLECTION,
    COLLECTION_EXAMPLE,
    CREATE,
    MATCHES,
    MATCHES_EXAMPLE,
    REINDEX,
    SEARCH,
)
from execution.knowledge.finding import search_collection
from execution.knowledge.models import Collection
from execution.knowledge.queries import collection_payload, indexes_of, visible_collection
from execution.knowledge.searching import Found
from flows.engine.errors import NodeError
from fluxprompt.api.openapi import PAGING, PROBLEM, call, page_of
from fluxprompt.api.paging import newest_first
from fluxprompt.api.problems import refuse
from fluxprompt.api.views import ApiView, text_field

TAG = "Knowledge"
JSON = Any
_BUILT_ANEW = {**COLLECTION_EXAMPLE, "state": "rebuilding", "building": COLLECTION_EXAMPLE["index"]}


class KnowledgeView(ApiView):
    """Calls about collections."""

    def collection(self, reference: str) -> Collection:
        found = visible_collection(self.actor, reference)
        if found is None:
            raise Http404("There is no such collection in this workspace.")
        return found

    def shown(self, collection: Collection) -> dict[str, JSON]:
        return collection_payload(collection, indexes_of([collection])[collection.pk])


class CollectionsView(KnowledgeView):
    """The collections of the workspace."""

    required_action: ClassVar = {"GET": "knowledge.read", "POST": "knowledge.edit"}

    @call(
        "list_collections",
        "List collections, newest first",
        {
            200: (
                "A page of collections",
                page_of(COLLECTION),
                {"results": [COLLECTION_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag=TAG,
    )
    def get(self, request: Any) -> Response:
        page = newest_first(
            Collection.objects.visible_to(self.actor),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        known = indexes_of(page.results)
        shown = [collection_payload(one, known[one.pk]) for one in page.results if one.pk in known]
        return Response({"results": shown, "next": page.next})

    @call(
        "create_collection",
        "Make a collection",
        {
            201: ("The collection", COLLECTION, COLLECTION_EXAMPLE),
            409: ("The workspace has as many as it may", PROBLEM, None),
        },
        description=(
            "Without a `model`, the one that needs no network is used. All documents are embedded "
            "with the collection's model."
        ),
        body=CREATE,
        body_example={"name": "Handbook", "language": "english"},
        tag=TAG,
    )
    def post(self, request: Any) -> Response:
        body = self.object_body("name", "slug", "description", *services.SETTINGS)
        made = services.create_collection(
            self.actor,
            name=text_field(body, "name", most=200, required=True) or "",
            slug=text_field(body, "slug", most=80) or "",
            description=text_field(body, "description", most=10_000) or "",
            **_settings(body),
        )
        return Response(self.shown(made), status=201)


class OneCollectionView(KnowledgeView):
    """One collection."""

    required_action: ClassVar = {
        "GET": "knowledge.read",
        "PATCH": "knowledge.edit",
        "DELETE": "knowledge.edit",
    }

    @call(
        "get_collection",
        "Get a collection with the progress of its indexes",
        {200: ("The collection", COLLECTION, COLLECTION_EXAMPLE)},
        tag=TAG,
    )
    def get(self, request: Any, collection: str) -> Response:
        return Response(self.shown(self.collection(collection)))

    @call(
        "change_collection",
        "Change a collection",
        {200: ("The collection", COLLECTION, _BUILT_ANEW)},
        description=(
            "Another model, chunk size, overlap or language builds a new index beside the one that "
            "is searched, and takes its place when it is complete."
        ),
        body=CHANGE,
        body_example={"chunk_size": 600},
        tag=TAG,
    )
    def patch(self, request: Any, collection: str) -> Response:
        found = self.collection(collection)
        body = self.object_body("name", "description", *services.SETTINGS)
        changes: dict[str, JSON] = _settings(body)
        if "name" in body:
            changes["name"] = text_field(body, "name", most=200, required=True)
        if "description" in body:
            changes["description"] = text_field(body, "description", most=10_000) or ""
        return Response(self.shown(services.update_collection(self.actor, found, **changes)))

    @call(
        "delete_collection",
        "Delete a collection with its documents",
        {204: ("It is deleted", None, None)},
        tag=TAG,
    )
    def delete(self, request: Any, collection: str) -> Response:
        services.delete_collection(self.actor, self.collection(collection))
        return Response(status=204)


class SearchView(KnowledgeView):
    """A search in one collection."""

    required_action: ClassVar = {"POST": "knowledge.read"}

    @call(
        "search_collection",
        "Search a collection by meaning and by words",
        {200: ("The best matches, best first", MATCHES, MATCHES_EXAMPLE)},
        description=(
            "The order is by meaning and words together; `score` is the cosine of the meanings "
            "alone, which `min_score` asks for. The embedding of the query is booked."
        ),
        body=SEARCH,
        body_example={"query": "How do I send something back?", "top_k": 3},
        tag=TAG,
    )
    def post(self, request: Any, collection: str) -> Response:
        found = self.collection(collection)
        body = self.object_body("query", "top_k", "min_score")
        query = text_field(body, "query", most=limits.QUERY_CHARACTERS, required=True) or ""
        top_k = whole(body, "top_k", default=5, least=1, most=limits.MOST_MATCHES)
        least = body.get("min_score", 0)
        if not isinstance(least, int | float) or isinstance(least, bool) or not -1 <= least <= 1:
            raise refuse(422, "value", "'min_score' has to be a number from -1 to 1.", "min_score")
        try:
            matches = search_collection(self.actor, found, query, top_k=top_k, min_score=least)
        except NodeError as error:
            raise problems.search_failed(error) from error
        return Response({"matches": [match_payload(match) for match in matches]})


class ReindexView(KnowledgeView):
    """A new index."""

    required_action: ClassVar = {"POST": "knowledge.edit"}

    @call(
        "reindex_collection",
        "Build a collection's index anew, or try failed documents again",
        {202: ("The collection; its progress can be asked for", COLLECTION, _BUILT_ANEW)},
        description="One that is being built is given up for it.",
        body=REINDEX,
        body_example={"only_failed": True},
        tag=TAG,
    )
    def post(self, request: Any, collection: str) -> Response:
        found = self.collection(collection)
        only_failed = self.object_body("only_failed").get("only_failed", False)
        if not isinstance(only_failed, bool):
            raise refuse(422, "type", "'only_failed' has to be true or false.", "only_failed")
        held = services.reindex(self.actor, found, only_failed=only_failed)
        return Response(self.shown(held), status=202)


def match_payload(match: Found) -> dict[str, JSON]:
    return {
        "text": match.text,
        "score": match.score,
        "document": match.document,
        "document_id": str(match.document_id),
        "source": match.source,
        "heading": match.heading,
        "position": match.position,
        "start": match.start,
        "metadata": match.metadata,
    }


def _settings(body: dict[str, JSON]) -> dict[str, JSON]:
    """Those of an index that a body has; the service says which values will do."""
    found: dict[str, JSON] = {}
    for name in ("model", "language"):
        if (given := text_field(body, name, most=200)) is not None:
            found[name] = given
    for name, most in (("chunk_size", limits.MOST_SIZE), ("chunk_overlap", limits.MOST_SIZE)):
        if body.get(name) is not None:
            found[name] = whole(body, name, default=0, least=0, most=most)
    return found


def whole(body: dict[str, JSON], name: str, *, default: int, least: int, most: int) -> int:
    """A member that is a whole number within bounds."""
    given = body.get(name, default)
    if isinstance(given, int) and not isinstance(given, bool) and least <= given <= most:
        return given
    raise refuse(422, "value", f"'{name}' has to be a whole number from {least} to {most:,}.", name)
