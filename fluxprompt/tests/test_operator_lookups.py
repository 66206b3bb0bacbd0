"""What a table of the console hides cannot be asked for by its address either."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest, QueryDict
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


@pytest.fixture
def asked(desk: Client) -> HttpRequest:
    """A request of the supporter for a list, whose words behind the question mark are changed."""
    return desk.get("/admin/").wsgi_request


def _filters(request: HttpRequest, model: type[models.Model]) -> list[Any]:
    return list(admin.site._registry[model].get_list_filter(request))


def _hidden(request: HttpRequest, model: type[models.Model]) -> Iterator[str]:
    filters = _filters(request, model)
    offered = {item[0] if isinstance(item, tuple) else item for item in filters}
    for field in model._meta.get_fields():
        if field.name not in offered and field != model._meta.pk:
            yield field.name


def _rows(request: HttpRequest, model: type[models.Model], query: dict[str, str]) -> list[Any]:
    """What a list shows for a query; raises what its page answers with 400 or a redirect."""
    request.GET = QueryDict(urlencode(query))  # type: ignore[assignment]
    return list(admin.site._registry[model].get_changelist_instance(request).result_list)


def _is_refused(request: HttpRequest, model: type[models.Model], query: dict[str, str]) -> bool:
    try:
        _rows(request, model, query)
    except DisallowedModelAdminLookup:
        return True
    return False


def test_support_asks_for_no_field_that_a_list_has_no_filter_for(asked: HttpRequest) -> None:
    answered = [
        (model._meta.label, name, how)
        for model in TABLES
        for name in _hidden(asked, model)
        for how in ("", "__startswith", "__x__startswith", "__isnull", "__regex", "__id__exact")
        if not _is_refused(asked, model, {f"{name}{how}": "a"})
    ]
    assert answered == []


def test_what_a_list_has_a_filter_for_is_filtered_by(asked: HttpRequest) -> None:
    for model in TABLES:
        queries = list(_offered(asked, model))
        assert model._default_manager.first() in _rows(asked, model, queries[0])
        assert [query for query in queries if _is_refused(asked, model, query)] == [], model


def _offered(request: HttpRequest, model: type[models.Model]) -> Iterator[dict[str, str]]:
    """One query for each filter of a list, with a value that it knows."""
    row: Any = model._default_manager.first()
    yield {"pk": str(row.pk)}
    yield {f"{model._meta.pk.name}__exact": str(row.pk)}  # type: ignore[union-attr]
    for item in _filters(request, model):
        name = item[0] if isinstance(item, tuple) else item
        if not isinstance(name, str):
            yield {name.parameter_name: "x"}
        elif isinstance(item, tuple) and "Range" in item[1].__name__:
            yield {f"{name}_from_0": "2020-01-01", f"{name}_from_1": "00:00"}
        elif isinstance(item, tuple) and "Empty" in item[1].__name__:
            yield {f"{name}__isempty": "1"}
        else:
            one: Any = model._meta.get_field(name)
            value = getattr(row, one.attname)
            if value is not None:
                shown = str(int(value) if isinstance(value, bool) else value)
                yield {f"{name}__id__exact" if one.is_relation else f"{name}__exact": shown}


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
