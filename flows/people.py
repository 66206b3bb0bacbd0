"""Warnings of flows that ask people who are not in the workspace; the engine knows no people."""

from uuid import UUID

from accounts.models import Membership
from flows.engine.document import Document
from flows.engine.errors import MAX_PROBLEMS, Problem
from flows.engine.expressions import has_expression


def assignee_problems(doc: Document, workspace_id: UUID) -> list[Problem]:
    """A warning `assignee_unknown` for each assignee written out who is no member now.

    What an expression gives is not judged. One query, and none where nobody is named.
    """
    named = [
        (node.id, place, address)
        for node in doc.nodes
        if node.type == "approval"
        for place, address in _written_out(node.config.get("assignees"))
    ][:MAX_PROBLEMS]
    if not named:
        return []
    rows = Membership.objects.filter(workspace_id=workspace_id, user__is_active=True)
    members = {email.lower() for email in rows.values_list("user__email", flat=True)}
    return [
        Problem("assignee_unknown", _sentence(address), node, place, "warning")
        for node, place, address in named
        if address not in members
    ]


def _written_out(assignees: object) -> list[tuple[str, str]]:
    """The constant addresses in small letters, each with its place in the config."""
    places = {"assignees": assignees}
    if isinstance(assignees, list):
        places = {f"assignees[{index}]": one for index, one in enumerate(assignees)}
    return [
        (place, one.strip().lower())
        for place, one in places.items()
        if isinstance(one, str) and one.strip() and not has_expression(one)
    ]


def _sentence(address: str) -> str:
    return (
        f"'{address[:100]}' is no member of this workspace, so they can neither decide nor are "
        "written to. Invite them, or name a member by their address."
    )
