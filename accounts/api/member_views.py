"""REST views of members and invitations."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404
from rest_framework.response import Response

from accounts import queries
from accounts.api import member_schemas as schemas
from accounts.members import changes as members
from accounts.members import closing, invitations
from accounts.members.invitations import Invited
from accounts.models import Invitation, Membership
from fluxprompt.api.openapi import PAGING, call, page_of
from fluxprompt.api.paging import newest_first
from fluxprompt.api.views import ApiView, text_field

TAG = "Members"


class MembersView(ApiView):
    """Who is in the workspace."""

    required_action: ClassVar = {"GET": "member.read"}

    @call(
        "list_members",
        "List the members of the workspace, who came last first",
        {
            200: (
                "A page of members",
                page_of(schemas.MEMBER),
                {"results": [schemas.MEMBER_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag=TAG,
    )
    def get(self, request: Any) -> Response:
        page = newest_first(
            queries.members(self.actor),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        results = [_member_payload(membership) for membership in page.results]
        return Response({"results": results, "next": page.next})


class OneMemberView(ApiView):
    """One member."""

    required_action: ClassVar = {"PATCH": "member.manage", "DELETE": "member.manage"}

    @call(
        "change_member",
        "Give a member another role",
        {200: ("The member", schemas.MEMBER, schemas.MEMBER_EXAMPLE)},
        description="A key gives the roles viewer and builder only, and leaves admins and owners "
        "as they are: 409 `membership_refused`.",
        body=schemas.MEMBER_CHANGE,
        body_example={"role": "builder"},
        tag=TAG,
    )
    def patch(self, request: Any, member: int) -> Response:
        body = self.object_body("role")
        role = text_field(body, "role", most=10, required=True) or ""
        changed = members.change_role(self.actor, self._member(member), role)
        return Response(_member_payload(changed))

    @call(
        "remove_member",
        "Take a member out of the workspace; their API keys are revoked",
        {204: ("They are no member any more", None, None)},
        tag=TAG,
    )
    def delete(self, request: Any, member: int) -> Response:
        closing.end_membership(self.actor, self._member(member))
        return Response(status=204)

    def _member(self, member_id: int) -> Membership:
        found = queries.members(self.actor).filter(id=member_id).first()
        if found is None:
            raise Http404("There is no such member in this workspace.")
        return found


class InvitationsView(ApiView):
    """Who is asked to join."""

    required_action: ClassVar = {"GET": "member.manage", "POST": "member.manage"}

    @call(
        "list_invitations",
        "List invitations that are neither used nor taken back, newest first",
        {
            200: (
                "A page of invitations",
                page_of(schemas.INVITATION),
                {"results": [schemas.INVITATION_EXAMPLE], "next": None},
            )
        },
        parameters=PAGING,
        tag=TAG,
    )
    def get(self, request: Any) -> Response:
        page = newest_first(
            invitations.open_invitations(self.actor),
            by="created_at",
            limit=self.limit,
            cursor=self.query("cursor"),
        )
        results = [_invitation_payload(invitation) for invitation in page.results]
        return Response({"results": results, "next": page.next})

    @call(
        "create_invitation",
        "Invite somebody, or give an address that is invited a new link",
        {201: ("The invitation", schemas.NEW_INVITATION, schemas.NEW_INVITATION_EXAMPLE)},
        description="Where a mail took the link to the address, `link` is null: nobody else sees "
        "it. A key gives the roles viewer and builder only.",
        body=schemas.INVITATION_CREATE,
        body_example={"email": "grace@example.com", "role": "builder"},
        tag=TAG,
    )
    def post(self, request: Any) -> Response:
        body = self.object_body("email", "role")
        email = text_field(body, "email", most=254, required=True) or ""
        role = text_field(body, "role", most=10, required=True) or ""
        invited: Invited = invitations.invite(self.actor, email=email, role=role)
        answer = {
            **_invitation_payload(invited.invitation),
            "link": None if invited.sent else invited.link,
        }
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


class OneInvitationView(ApiView):
    """One invitation."""

    required_action: ClassVar = {"DELETE": "member.manage"}

    @call(
        "revoke_invitation",
        "Take an invitation back: its link stops at once",
        {204: ("It is taken back", None, None)},
        tag=TAG,
    )
    def delete(self, request: Any, invitation: UUID) -> Response:
        found = invitations.open_invitations(self.actor).filter(id=invitation).first()
        if found is None:
            raise Http404("There is no such open invitation in this workspace.")
        invitations.revoke_invitation(self.actor, found)
        return Response(status=204)


def _member_payload(row: Membership) -> dict[str, Any]:
    return {
        "id": row.id,
        "user": str(row.user_id),
        "email": row.user.email,
        "name": row.user.name,
        "role": row.role,
        "invited_by": str(row.invited_by_id) if row.invited_by_id else None,
        "last_sign_in_at": row.user.last_login,
        "created_at": row.created_at,
    }


def _invitation_payload(row: Invitation) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "email": row.email,
        "role": row.role,
        "mailed": row.mailed,
        "invited_by": str(row.invited_by_id) if row.invited_by_id else None,
        "expires_at": row.expires_at,
        "created_at": row.created_at,
    }
