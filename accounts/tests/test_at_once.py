"""Joining and leaving at the same moment, each in a connection of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.http import HttpRequest

from accounts.errors import DeletionRefused, MembershipRefused
from accounts.members import invitations
from accounts.members.changes import change_role
from accounts.members.invitations import accept_invitation, invite
from accounts.models import Invitation, Membership, Role, User, Workspace
from accounts.operators import plans
from accounts.operators.models import Plan
from accounts.operators.plans import PlanLimitReached
from accounts.people import departing
from accounts.people.departing import delete_person
from accounts.permissions import member_actor
from accounts.services import create_workspace

pytestmark = pytest.mark.django_db(transaction=True)
#: Seconds in which another one would come in between, if nothing kept it waiting.
BETWEEN = 1.0


@pytest.fixture
def owner(transactional_db: None) -> User:
    return User.objects.create_user("ada@example.com", "x")


@pytest.fixture
def workspace(owner: User, without_examples: None) -> Workspace:
    return create_workspace(owner, name="Analytical Engines")


@pytest.fixture
def fresh_plans() -> Iterator[None]:
    plans.forget_plans()
    yield
    plans.forget_plans()


def alone[T](work: Callable[[], T]) -> T:
    """In a thread of its own, whose connection is closed after it."""
    try:
        return work()
    finally:
        connection.close()


def invited(workspace: Workspace, name: str) -> tuple[User, Invitation]:
    actor = member_actor(User.objects.get(email="ada@example.com"), workspace)
    assert actor is not None
    user = User.objects.create_user(f"{name}@example.com", "x")
    return user, invite(actor, email=user.email, role=Role.BUILDER).invitation


def meeting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Two who come through this function leave it together, where they can."""
    barrier, real = threading.Barrier(2), getattr(module, name)

    def waited(*args: Any) -> Any:
        found = real(*args)
        with suppress(threading.BrokenBarrierError):
            barrier.wait(BETWEEN)
        return found

    monkeypatch.setattr(module, name, waited)


def outcomes(futures: list[Future[Any]]) -> list[str]:
    return sorted(type(future.exception(timeout=30)).__name__ for future in futures)


def test_two_who_join_at_once_do_not_pass_the_limit_of_the_plan(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, settings: Any, fresh_plans: None
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = False
    coming = [invited(workspace, name) for name in ("grace", "bob")]
    Workspace.objects.update(plan=Plan.objects.create(name="Two", max_members=2))
    plans.forget_plans()
    meeting(monkeypatch, invitations, "check_members")
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(alone, partial(accept_invitation, *one)) for one in coming]
        assert outcomes(futures) == ["NoneType", PlanLimitReached.__name__]
    assert workspace.memberships.count() == 2


def test_of_two_owners_who_leave_at_once_one_is_told_to_stay(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = User.objects.create_user("grace@example.com", "x")
    Membership.objects.create(workspace=workspace, user=other, role=Role.OWNER)
    third = User.objects.create_user("bob@example.com", "x")
    Membership.objects.create(workspace=workspace, user=third, role=Role.VIEWER)
    meeting(monkeypatch, departing, "departure_of")
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(alone, partial(delete_person, user)) for user in (owner, other)]
        refused = DeletionRefused.__name__
        assert outcomes(futures) == sorted(["NoneType", refused])
    assert workspace.memberships.filter(role=Role.OWNER).count() == 1


def test_an_owner_who_was_left_alone_meanwhile_is_told_so(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = User.objects.create_user("grace@example.com", "x")
    theirs = Membership.objects.create(workspace=workspace, user=other, role=Role.OWNER)
    real = departing.departure_of

    def and_the_other_one_is_demoted(user: User) -> Any:
        found = real(user)
        Membership.objects.filter(id=theirs.id).update(role=Role.VIEWER)
        return found

    monkeypatch.setattr(departing, "departure_of", and_the_other_one_is_demoted)
    with pytest.raises(DeletionRefused, match="keeps an owner"):
        delete_person(owner)
    assert User.objects.filter(pk=owner.pk).exists()


@contextmanager
def deleting_while(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], Membership]
) -> Iterator[list[Future[Membership]]]:
    """What somebody else does, in a connection of their own, in the middle of a deletion."""
    real, done = departing.departure_of, list[Future[Membership]]()
    with ThreadPoolExecutor(1) as pool:

        def and_they_do_it(user: User) -> Any:
            found = real(user)
            if done:
                return found
            done.append(pool.submit(alone, work))
            with suppress(TimeoutError):
                done[0].exception(timeout=BETWEEN)
            return found

        monkeypatch.setattr(departing, "departure_of", and_they_do_it)
        yield done


@pytest.mark.parametrize("leaver", ["grace", "ada"], ids=["who joins", "who invited"])
def test_an_account_is_deleted_while_an_invitation_of_theirs_is_accepted(
    workspace: Workspace,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    leaver: str,
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = False
    coming = invited(workspace, "grace")
    third = User.objects.create_user("bob@example.com", "x")
    Membership.objects.create(workspace=workspace, user=third, role=Role.OWNER)
    # Who invited is in the workspace no more: its lock keeps nobody apart.
    Membership.objects.filter(user=owner).delete()
    with deleting_while(monkeypatch, partial(accept_invitation, *coming)) as joins:
        delete_person(User.objects.get(email=f"{leaver}@example.com"))
        assert outcomes(joins) == [MembershipRefused.__name__ if leaver == "grace" else "NoneType"]
    emails = User.objects.filter(memberships__workspace=workspace).values_list("email", flat=True)
    assert set(emails) == {"bob@example.com", "grace@example.com"} - {f"{leaver}@example.com"}


def test_an_account_is_deleted_while_its_person_changes_the_role_of_another(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, role in (("grace", Role.OWNER), ("bob", Role.BUILDER)):
        user = User.objects.create_user(f"{name}@example.com", "x")
        Membership.objects.create(workspace=workspace, user=user, role=role)
    actor = member_actor(owner, workspace)
    assert actor is not None
    theirs = Membership.objects.get(user__email="bob@example.com")
    work = partial(change_role, actor, theirs, Role.VIEWER)
    with deleting_while(monkeypatch, work) as changes:
        delete_person(owner)
        assert outcomes(changes) == [MembershipRefused.__name__]
    theirs.refresh_from_db()
    assert theirs.role == Role.BUILDER


def test_nobody_joins_a_workspace_that_is_being_deleted_with_its_last_member(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.FLUX_MAIL_REACHES_PEOPLE = False
    coming = invited(workspace, "grace")
    with deleting_while(monkeypatch, partial(accept_invitation, *coming)) as joins:
        delete_person(owner)
        assert outcomes(joins) == [MembershipRefused.__name__]
    assert not Workspace.objects.exists()


@pytest.fixture
def by_operator(workspace: Workspace) -> HttpRequest:
    """A request of the console."""
    request = HttpRequest()
    request.user = User.objects.create_superuser("op@example.com", "x")
    return request


def test_an_operator_deletes_several_while_somebody_joins_by_one_where_another_is(
    workspace: Workspace, owner: User, monkeypatch: pytest.MonkeyPatch, by_operator: HttpRequest
) -> None:
    coming = invited(workspace, "grace")
    bob = User.objects.create_user("bob@example.com", "x")
    Membership.objects.create(workspace=workspace, user=bob, role=Role.OWNER)
    # Who invited is deleted first, and is in the workspace no more.
    Membership.objects.filter(user=owner).delete()
    chosen = User.objects.filter(email__in=[owner.email, bob.email]).order_by("email")
    with deleting_while(monkeypatch, partial(accept_invitation, *coming)) as joins:
        with transaction.atomic():
            admin.site.get_model_admin(User).delete_queryset(by_operator, chosen)
        assert outcomes(joins) == [MembershipRefused.__name__]
    assert not chosen.all().exists()


def test_an_operator_changes_a_person_and_their_role_while_somebody_joins_by_them(
    workspace: Workspace, owner: User, by_operator: HttpRequest
) -> None:
    coming = invited(workspace, "grace")
    bob = User.objects.create_user("bob@example.com", "x")
    Membership.objects.create(workspace=workspace, user=bob, role=Role.OWNER)
    actor = member_actor(bob, workspace)
    assert actor is not None
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            admin.site.get_model_admin(User).save_model(by_operator, owner, None, True)
            joins = pool.submit(alone, partial(accept_invitation, *coming))
            with suppress(TimeoutError):
                joins.exception(timeout=BETWEEN)
            # As the memberships that are below the person in the form.
            change_role(actor, Membership.objects.get(user=owner), Role.VIEWER)
        assert joins.result(timeout=30).user == coming[0]
