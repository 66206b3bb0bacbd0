"""Everything the API answers in trouble is a problem document, and nothing is a stack trace."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.test import Client

from flows.storable import unstorable
from flows.tests.fixtures import Api, assert_problem
from fluxprompt.api.parsing import read_json


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v1/nothing", "/api/v2/flows", "/api/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_address_is_a_problem(anonymous: Api, path: str, method: str) -> None:
    assert_problem(anonymous(method, path), 404, "not_found")


def test_a_method_that_is_not_offered_is_405(api: Api) -> None:
    response = api("DELETE", "/flows")
    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data", ""])
def test_a_body_of_an_unknown_type_is_415(api: Api, kind: str) -> None:
    assert_problem(api.post("/flows", b"name=x", content_type=kind), 415, "unsupported_media_type")


@pytest.mark.parametrize("body", [b'"x"', b"[]", b"7", b"true"])
def test_a_body_that_is_json_but_no_object_says_so(api: Api, body: bytes) -> None:
    problem = assert_problem(api.post("/flows", body), 422, "type")
    assert problem["detail"] == "The body has to be a JSON object."


def test_malformed_json_says_line_and_column(api: Api) -> None:
    problem = assert_problem(api.post("/flows", b'{"name":\n  oops}'), 400, "malformed_json")
    assert "line 2, column 3" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"name": NaN}', "malformed_json"),
        (b'{"name": -Infinity}', "malformed_json"),
        (b'{"name": 1e999}', "malformed_json"),
        (b'{"name": ' + b"9" * 5000 + b"}", "malformed_json"),
        (b'{"name": "\\u0000"}', "unstorable_value"),
        (b'{"\\u0000": 1}', "unstorable_value"),
        (b'{"name": "\\ud800"}', "unstorable_value"),
        (b'{"name": "\xff"}', "malformed_text"),
        (b"[" * 200 + b"]" * 200, "unstorable_value"),
        (b"[" * 300_000, "unstorable_value"),
        (b'{"a":' * 200_000, "unstorable_value"),
        (b'"\\ud800"', "unstorable_value"),
    ],
)
def test_what_cannot_be_kept_is_refused(api: Api, body: bytes, code: str) -> None:
    assert_problem(api.post("/flows", body), 400, code)


@pytest.mark.parametrize(
    "body",
    [b"[" + b"[]," * 1_600_000 + b"[]]", b"[" + b"1," * 2_400_000 + b"1]", b'"",' * 1_600_000],
    ids=["lists", "numbers", "texts"],
)
def test_a_body_of_too_many_values_is_413_before_it_is_read(api: Api, body: bytes) -> None:
    began = time.process_time()
    problem = assert_problem(api.post("/flows", body), 413, "too_many_values")
    assert time.process_time() - began < 3
    assert "more than 1,000,000 values" in problem["detail"]


def test_signs_in_a_text_are_no_values() -> None:
    text = '[{",' * 1_200_000
    assert read_json(json.dumps({"text": text}).encode()) == {"text": text}


def test_a_large_body_is_looked_through_without_a_path_for_each_value() -> None:
    value = {"rows": [[{"number": n, "name": "x"}] for n in range(150_000)]}
    began = time.process_time()
    tracemalloc.start()
    try:
        assert unstorable(value) is None
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
    assert time.process_time() - began < 5


def test_the_place_of_what_cannot_be_kept_is_named() -> None:
    assert unstorable({"a": [1, {"b": "\0"}]}) == (
        "a[1].b",
        "holds the character U+0000, which cannot be stored",
    )
    assert (unstorable([[], {"\0": 1}]) or ("",))[0] == "[1]"
    assert (unstorable({"a": [[[1]]]}, max_depth=3) or ("",))[0] == "a[0][0][0]"
    assert unstorable({"a": [[1]]}, max_depth=3) is None
    assert (unstorable([1, float("nan")]) or ("",))[0] == "[1]"


def test_a_whole_surrogate_pair_is_text(api: Api) -> None:
    response = api.post("/flows", b'{"name": "\\ud83d\\ude00"}')
    assert response.status_code == 201
    assert response.json()["name"] == "\U0001f600"


def test_a_body_over_the_limit_is_413(api: Api, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    problem = assert_problem(api.post("/flows", {"name": "x" * 2000}), 413, "body_too_large")
    assert problem["limit"] == 1000


def test_an_unexpected_error_is_a_500_with_an_id_that_is_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("the secret is 42")

    monkeypatch.setattr("flows.queries.flows_page", breaks)
    response = api.get("/flows")
    problem = assert_problem(response, 500, "internal_error")
    assert problem["incident"] in caplog.text
    assert "secret" not in response.content.decode()


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("connection refused at /tmp/secret/socket")

    monkeypatch.setattr("flows.queries.flows_page", away)
    response = api.get("/flows")
    assert_problem(response, 503, "database_unavailable")
    assert int(response["Retry-After"]) >= 1
    assert "secret" not in response.content.decode()


def test_a_suspicious_request_is_a_problem(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def suspicious(*args: Any, **kwargs: Any) -> None:
        raise SuspiciousOperation("odd")

    monkeypatch.setattr("flows.queries.flows_page", suspicious)
    assert_problem(api.get("/flows"), 400, "bad_request")


def test_a_wrong_host_is_a_problem_below_api(api: Api) -> None:
    client = Client(raise_request_exception=False)
    response = client.get("/api/v1/flows", headers={"Host": "evil.example"})
    assert response.status_code == 400


def test_an_answer_is_json_whatever_is_accepted(api: Api) -> None:
    response = api.get("/flows", Accept="image/png")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert json.loads(response.content) == {"results": [], "next": None}


@pytest.mark.parametrize("path", ["/", "/runs/", "/settings/", "/accounts/login/"])
def test_pages_say_that_the_database_is_away_without_asking_it(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("couldn't get a connection after 5.00 sec")

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper._cursor", away)
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    response = client.get(path)
    assert response.status_code == 503
    assert response["Retry-After"] == "2"
    assert "The database is away" in response.content.decode()
    assert response["Content-Security-Policy"]
