"""What a table of the console hides cannot be asked for by its address either."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.test import Client

from accounts.models import AuditEvent, User
from accounts.operators.support import GROUP
from execution.models import Run
from fluxprompt.tests.rows_for_tests import World, one_of_everything

TABLES = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def world(db: None, without_examples: None) -> World:
    return one_of_everything(1)


@pytest.fixture
def desk(client: Client, world: World) -> Client:
    user = User.objects.create_user("help@example.com", "x", is_staff=True)
    user.groups.add(Group.objects.get(name=GROUP))
    client.force_login(user)
    return client


def _list(model: type[models.Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def _filtered(desk: Client, model: type[models.Model]) -> list[Any]:
    request = desk.get(_list(model)).wsgi_request
    return list(admin.site._registry[model].get_list_filter(request))


def _hidden(desk: Client, model: type[models.Model]) -> Iterator[str]:
    offered = {item[0] if isinstance(item, tuple) else item for item in _filtered(desk, model)}
    for field in model._meta.get_fields():
        if field.name not in offered and field != model._meta.pk:
            yield field.name


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.label)
def test_support_asks_for_no_field_that_the_list_has_no_filter_for(
    desk: Client, model: type[models.Model]
) -> None:
    answered = [
        (name, how)
        for name in _hidden(desk, model)
        for how in ("", "__startswith", "__x__startswith", "__isnull", "__regex", "__id__exact")
        if desk.get(_list(model), {f"{name}{how}": "a"}).status_code != 400
    ]
    assert answered == []


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.label)
def test_what_the_list_has_a_filter_for_is_filtered_by(
    desk: Client, model: type[models.Model]
) -> None:
    row: Any = model._default_manager.first()
    asked = [{"pk": str(row.pk)}, {f"{model._meta.pk.name}__exact": str(row.pk)}]  # type: ignore[union-attr]
    for item in _filtered(desk, model):
        name = item[0] if isinstance(item, tuple) else item
        if not isinstance(name, str):
            asked.append({name.parameter_name: "x"})
        elif isinstance(item, tuple) and "Range" in item[1].__name__:
            asked.append({f"{name}_from_0": "2020-01-01", f"{name}_from_1": "00:00"})
        elif isinstance(item, tuple) and "Empty" in item[1].__name__:
            asked.append({f"{name}__isempty": "1"})
        else:
            one: Any = model._meta.get_field(name)
            if (value := getattr(row, one.attname)) is not None:
                asked.append({f"{name}__id__exact" if one.is_relation else f"{name}__exact": value})
    for query in asked:
        shown = {key: str(int(v) if isinstance(v, bool) else v) for key, v in query.items()}
        assert desk.get(_list(model), shown).status_code == 200, shown


def test_nothing_is_asked_of_what_stands_behind_a_filter_or_a_key(
    desk: Client, world: World
) -> None:
    for query in (
        "workspace__memberships__user__password__startswith",
        "flow__nodes__config__x",
        "flow__description__startswith",
        "pk__inputs__startswith",
    ):
        assert desk.get(_list(Run), {query: "a"}).status_code in (302, 400), query
    assert desk.get(_list(UserSession), {"session_key__startswith": "s"}).status_code == 400
    assert desk.get(_list(Run), {"inputs__text__startswith": "<"}).status_code == 400
    assert desk.get(_list(User), {"password__startswith": "a"}).status_code == 400
    assert desk.get(_list(AuditEvent), {"details__reason__contains": "a"}).status_code == 400
