"""The container files against what the processes in them read."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
IMAGE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def test_every_variable_that_is_handed_on_is_on_the_page_of_configuration(
    services: dict[str, Any],
) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    handed = set(services["web"]["environment"]) - {"PGPASSWORD"}
    assert {name for name in handed if f"`{name}`" not in page} == set()


@pytest.mark.parametrize(
    "name", ["EMAIL_URL", "FLUX_SIGNUP", "FLUX_ALLOW_HOSTS", "FLUX_LOG_LEVEL", "ANTHROPIC_BASE_URL"]
)
def test_what_an_operator_sets_reaches_web_and_workers(name: str, services: dict[str, Any]) -> None:
    for service in ("web", "worker"):
        assert services[service]["environment"][name] == f"${{{name}:-}}"


def test_no_password_is_part_of_an_address(services: dict[str, Any]) -> None:
    assert "PASSWORD" not in services["web"]["environment"]["DATABASE_URL"]


def test_the_public_address_follows_the_port(services: dict[str, Any]) -> None:
    address = "${FLUX_PUBLIC_URL:-http://127.0.0.1:${FLUX_PORT:-8000}}"
    assert services["web"]["environment"]["FLUX_PUBLIC_URL"] == address
    asked = services["temporal-ui"]["environment"]["TEMPORAL_CODEC_ENDPOINT"]
    assert asked == f"{address}/temporal-codec"


def test_the_health_check_asks_under_a_name_that_is_answered(services: dict[str, Any]) -> None:
    host = re.search(r"http://([\d.]+):", services["web"]["healthcheck"]["test"][-1])
    assert host is not None
    assert host[1] in services["web"]["environment"]["DJANGO_ALLOWED_HOSTS"].split(",")


def test_the_image_leaves_a_worker_its_own_settings() -> None:
    assert "DJANGO_SETTINGS_MODULE" not in IMAGE
