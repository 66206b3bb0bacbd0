"""What runs hold of people: what they started and made, and their names under decisions."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import F, JSONField, TextField, Value
from django.db.models.expressions import Func

from accounts.hooks import Made
from accounts.models import User
from accounts.people.forgetting import SOMEBODY, addresses_of
from execution.approval_models import Approval, ApprovalState
from execution.files.models import File
from execution.knowledge.models import Collection as Knowledge
from execution.knowledge.models import Document
from execution.models import Run

if TYPE_CHECKING:
    from django.db.models import QuerySet


def made_things(
    user: User, workspaces: Collection[UUID], most: int
) -> Mapping[str, Sequence[Made]]:
    """Runs, files, collections and their documents."""
    own = {"created_by": user, "workspace__in": workspaces}
    documents = Document.objects.filter(created_by=user, collection__workspace__in=workspaces)
    runs = Run.objects.filter(**own).annotate(name=F("flow__name")).order_by("-id")
    return {
        "runs": list(runs.values("id", "name", "created_at", "workspace_id")[:most]),
        "files": _named(File.objects.filter(**own), most),
        "collections": _named(Knowledge.objects.filter(**own), most),
        "documents": list(documents.order_by("-id").values("id", "name", "collection_id")[:most]),
    }


def _named(rows: "QuerySet[File] | QuerySet[Knowledge]", most: int) -> Sequence[Made]:
    return list(rows.order_by("-created_at").values("id", "name", "workspace_id")[:most])


def forget_decider(user: User) -> None:
    """Who decided, and who was written to, is nobody in particular any more.

    What is open stays as it is: without its assignee's address it would be for everybody.
    """
    nobody = Value({"id": None, "email": "", "name": SOMEBODY}, JSONField())
    Approval.objects.filter(decided_by=user).update(decider=_joined("decider", " || ", nobody))
    for address in addresses_of(user):
        written = Approval.objects.filter(mailed__contains=[address])
        written.exclude(state=ApprovalState.OPEN).update(
            mailed=_joined("mailed", " - ", Value(address, TextField()))
        )


def _joined(field: str, operator: str, value: Value) -> Func:
    """A JSON column with something added (`||`) or taken out (`-`)."""
    return Func(
        F(field),
        value,
        template="%(expressions)s",
        arg_joiner=operator,
        output_field=JSONField(),
    )
