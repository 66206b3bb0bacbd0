"""What people fill in about knowledge; the services decide what is valid."""

from typing import Any

from django import forms

from execution.knowledge import limits
from execution.knowledge.errors import KnowledgeInvalid
from execution.knowledge.models import LANGUAGES, Collection
from execution.knowledge.reading import ENDINGS, TAKEN
from execution.knowledge.services import DEFAULT_MODEL, SETTINGS

ACCEPTED = ",".join(f".{ending}" for ending in ENDINGS)
_PLAIN = {"spellcheck": "false", "autocapitalize": "off"}


class KnowledgeForm(forms.Form):
    """A form whose errors may also come from the service it is handed to."""

    def refuse(self, refused: KnowledgeInvalid) -> None:
        """Show what the service said at the field it named."""
        self.add_error(refused.field if refused.field in self.fields else None, refused.message)


class CollectionForm(KnowledgeForm):
    """A collection's name and how it is indexed."""

    name = forms.CharField(max_length=200)
    description = forms.CharField(
        label="Description (optional)",
        required=False,
        max_length=10_000,
        widget=forms.Textarea({"rows": 2}),
    )
    model = forms.CharField(
        label="Embedding model",
        max_length=200,
        initial=DEFAULT_MODEL,
        help_text="The one given here needs no network. Others: openai/text-embedding-3-small, or "
        "openai_compatible/ and a name.",
        widget=forms.TextInput(_PLAIN),
    )
    language = forms.ChoiceField(
        choices=[*LANGUAGES.items()],
        initial="english",
        help_text="In which words are reduced to their stems.",
    )
    chunk_size = forms.IntegerField(
        label="Characters of a chunk",
        min_value=limits.LEAST_SIZE,
        max_value=limits.MOST_SIZE,
        initial=limits.DEFAULT_SIZE,
    )
    chunk_overlap = forms.IntegerField(
        label="Characters that neighbours share", min_value=0, initial=limits.DEFAULT_OVERLAP
    )

    def __init__(self, data: Any = None, *, of: Collection | None = None) -> None:
        initial = None
        if of is not None:
            names = ("name", "description", *SETTINGS)
            initial = {name: getattr(of, name) for name in names}
        super().__init__(data, initial=initial, auto_id="collection_%s")


class DocumentForm(KnowledgeForm):
    """Texts to add: files, or one that is pasted."""

    name = forms.CharField(
        label="Name of the pasted text",
        required=False,
        max_length=limits.NAME_LENGTH,
    )
    text = forms.CharField(
        label="Or paste a text",
        required=False,
        strip=False,
        widget=forms.Textarea({"rows": 6}),
        help_text="Headings as in Markdown are kept above what is below them.",
    )
    source = forms.CharField(
        label="Source (optional)",
        required=False,
        max_length=limits.SOURCE_LENGTH,
        help_text="An address or a label that answers can name.",
    )
    taken = TAKEN
    accepted = ACCEPTED

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="document_%s")

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if filled.get("text", "").strip() and not filled.get("name", "").strip():
            self.add_error("name", "Give the text a name.")
        return filled


class TryForm(KnowledgeForm):
    """A query to try."""

    query = forms.CharField(max_length=limits.QUERY_CHARACTERS)
    top_k = forms.IntegerField(
        label="Matches", min_value=1, max_value=limits.MOST_MATCHES, initial=5
    )
    min_score = forms.FloatField(label="Least score", min_value=-1, max_value=1, initial=0)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="try_%s")
