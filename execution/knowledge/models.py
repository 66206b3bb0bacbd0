"""Collections, their documents, and the indexes in which the documents are searched."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.ids import new_id
from accounts.models import User, Workspace
from execution.knowledge.limits import (
    DEFAULT_OVERLAP,
    DEFAULT_SIZE,
    LEAST_SIZE,
    MOST_SIZE,
    NAME_LENGTH,
    SOURCE_LENGTH,
)

if TYPE_CHECKING:
    from accounts.permissions import Actor

#: PostgreSQL's text-search configurations, by what a builder calls the language.
LANGUAGES = {
    "simple": "None (words as they are)",
    **{name: name.capitalize() for name in ("arabic", "danish", "dutch", "english", "finnish")},
    **{name: name.capitalize() for name in ("french", "german", "greek", "hindi", "hungarian")},
    **{name: name.capitalize() for name in ("indonesian", "irish", "italian", "lithuanian")},
    **{name: name.capitalize() for name in ("nepali", "norwegian", "portuguese", "romanian")},
    **{name: name.capitalize() for name in ("russian", "serbian", "spanish", "swedish", "tamil")},
    **{name: name.capitalize() for name in ("turkish", "yiddish")},
}


class IndexState(models.TextChoices):
    """Where an index is. Only `live` is searched; `discarded` waits to be cleared away."""

    LIVE = "live", "Searched"
    BUILDING = "building", "Being built"
    FAILED = "failed", "Failed"
    DISCARDED = "discarded", "Discarded"


class DocumentState(models.TextChoices):
    """Where a document is in one index."""

    PENDING = "pending", "Waiting"
    DONE = "done", "Indexed"
    FAILED = "failed", "Failed"


class HalfVector(models.Field):  # type: ignore[type-arg]
    """pgvector's `halfvec` of any length; written and compared by SQL of our own."""

    def db_type(self, connection: Any) -> str:
        return "halfvec"


class IndexSettings(models.Model):
    """What decides how documents are cut, embedded and read."""

    model = models.CharField(max_length=200, help_text="provider/name")
    chunk_size = models.PositiveIntegerField(
        default=DEFAULT_SIZE,
        validators=[MinValueValidator(LEAST_SIZE), MaxValueValidator(MOST_SIZE)],
        help_text="Characters of a chunk at most.",
    )
    chunk_overlap = models.PositiveIntegerField(
        default=DEFAULT_OVERLAP, help_text="Characters that neighbours share at most."
    )
    language = models.CharField(
        max_length=20, default="english", choices=[*LANGUAGES.items()], help_text="Of the words."
    )

    class Meta:
        abstract = True

    @property
    def index_settings(self) -> dict[str, Any]:
        names = ("model", "chunk_size", "chunk_overlap", "language")
        return {name: getattr(self, name) for name in names}


class CollectionQuerySet(models.QuerySet["Collection"]):
    """Reads of collections; every door starts from `visible_to`."""

    def visible_to(self, actor: "Actor") -> "CollectionQuerySet":
        if not actor.can("knowledge.read"):
            return self.none()
        return self.filter(workspace_id=actor.workspace_id)


class Collection(IndexSettings):
    """Documents that are searched together. Its settings are those of the next index."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+", db_index=False)
    slug = models.SlugField(max_length=80)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[CollectionQuerySet] = CollectionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "slug"], name="collection_slug_once"),
        )
        indexes = (
            models.Index(fields=["workspace", "-created_at"], name="collection_by_workspace"),
        )

    def __str__(self) -> str:
        return self.name


class SearchIndex(IndexSettings):
    """One version of a collection's index, with the settings it is made by.

    It outlives its collection until its chunks are cleared away, so nothing in the database ties
    them. `dimensions` are known with the first vector; `own_indexes`: it has an HNSW and a GIN
    index to itself. `trouble` is what passes, `error` what has ended it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.DO_NOTHING, related_name="+", db_constraint=False
    )
    collection = models.ForeignKey(
        Collection, models.DO_NOTHING, related_name="indexes", db_constraint=False
    )
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=IndexState, default=IndexState.LIVE)
    dimensions = models.PositiveIntegerField(null=True, blank=True)
    chunks = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    own_indexes = models.BooleanField(default=False)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    trouble = models.TextField(blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    worked_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "search indexes"
        constraints = (
            models.UniqueConstraint(fields=["collection", "number"], name="index_number_once"),
            models.UniqueConstraint(
                fields=["collection"], condition=models.Q(state="live"), name="one_live_index"
            ),
            models.UniqueConstraint(
                fields=["collection"], condition=models.Q(state="building"), name="one_being_built"
            ),
        )
        ordering = ("-number",)

    def __str__(self) -> str:
        return f"index {self.number} of {self.collection_id}"


class Document(models.Model):
    """A text of a collection, as it was read from what was given. It never changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(
        Collection, models.CASCADE, related_name="documents", db_index=False
    )
    name = models.CharField(max_length=NAME_LENGTH)
    source = models.CharField(max_length=SOURCE_LENGTH, blank=True, help_text="Address or label.")
    media_type = models.CharField(max_length=100)
    text = models.TextField()
    characters = models.PositiveIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the text.")
    metadata = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["collection", "digest"], name="document_text_once"),
        )
        indexes = (
            models.Index(fields=["collection", "-created_at"], name="document_by_collection"),
        )

    def __str__(self) -> str:
        return self.name


class IndexedDocument(models.Model):
    """How far one document is in one index: its first `done` chunks are recorded."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    index = models.ForeignKey(SearchIndex, models.CASCADE, related_name="documents", db_index=False)
    document = models.ForeignKey(Document, models.CASCADE, related_name="indexed")
    state = models.CharField(max_length=8, choices=DocumentState, default=DocumentState.PENDING)
    done = models.PositiveIntegerField(default=0)
    chunks = models.PositiveIntegerField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["index", "document"], name="indexed_once"),)
        indexes = (
            models.Index(
                fields=["index", "document"],
                condition=models.Q(state="pending"),
                name="indexed_pending",
            ),
        )

    def __str__(self) -> str:
        return f"{self.document_id} in {self.index_id}: {self.state}"


class Chunk(models.Model):
    """A piece of a document in one index, with its vector (of length 1) and its words.

    Not tied to its document by the database: a large collection is deleted at once, and what is
    left of it here is cleared away behind it.
    """

    index = models.ForeignKey(SearchIndex, models.CASCADE, related_name="+", db_index=False)
    document = models.ForeignKey(Document, models.DO_NOTHING, related_name="+", db_constraint=False)
    position = models.PositiveIntegerField()
    start = models.PositiveIntegerField(help_text="Characters before it in the document.")
    heading = models.TextField(blank=True)
    text = models.TextField()
    embedding = HalfVector()
    words = SearchVectorField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["index", "document", "position"], name="chunk_once"),
        )

    def __str__(self) -> str:
        return f"{self.position} of {self.document_id}"


class Word(models.Model):
    """In how many chunks of an index a word is: rare ones say more, and are cheap to look for."""

    pk = models.CompositePrimaryKey("index_id", "word")
    index = models.ForeignKey(SearchIndex, models.CASCADE, related_name="+", db_index=False)
    word = models.TextField()
    chunks = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.word}: {self.chunks}"
