"""Which fields of a config are left behind when a node is copied."""

from pydantic import BaseModel, Field, SecretStr

from flows.engine.config import NodeConfig
from flows.views.palette import node_type_facts
from flows.views.secret_paths import secret_paths


class Login(BaseModel):
    user: str = ""
    password: SecretStr = SecretStr("")
    next: "Login | None" = None


class Config(NodeConfig):
    url: str = ""
    credential: str = Field(default="", json_schema_extra={"widget": "credential"})
    login: Login = Login()
    others: list[Login] = Field(default_factory=list)
    named: dict[str, Login] = Field(default_factory=dict)
    key: str | None = Field(default=None, json_schema_extra={"writeOnly": True})


def test_secrets_are_found_by_widget_format_and_in_lists_and_objects() -> None:
    assert secret_paths(Config.model_json_schema()) == [
        "credential",
        "key",
        "login.password",
        "named.*.password",
        "others.*.password",
    ]


def test_a_config_without_secrets_has_none() -> None:
    assert secret_paths(NodeConfig.model_json_schema()) == []


def test_the_page_is_told_the_secrets_of_every_type() -> None:
    assert all(isinstance(facts["secrets"], list) for facts in node_type_facts())
