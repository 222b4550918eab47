"""The environment as settings."""

from __future__ import annotations

from typing import Any

import pytest

from concord.config import VARIABLES, ConfigurationError, Settings, settings

REQUIRED = (
    "table_name",
    "urgent_queue_url",
    "bulk_queue_url",
    "plan_queue_url",
    "send_queue_url",
    "night_queue_url",
    "receipt_queue_url",
    "safety_queue_url",
    "aws_inbound_queue_url",
    "stream_failures_queue_url",
    "parameter_prefix",
)


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("environment", [{}, "blank"])
def test_a_missing_variable_is_named(name: str, environment: dict[str, str] | str) -> None:
    given = {name.upper(): "  "} if environment == "blank" else {}
    with pytest.raises(ConfigurationError, match=rf"\b{name.upper()}\b"):
        getattr(Settings(given), name)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_variable_that_is_there_is_returned(name: str) -> None:
    assert getattr(Settings({name.upper(): "/value"}), name) == "/value"


class _Noted(dict[str, str]):
    """An environment that notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(VARIABLES, "1") | {"ALLOW_PRIVATE_HOSTS": "true"})
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def test_the_list_of_variables_is_what_is_read() -> None:
    environment = _Noted()
    given = Settings(environment)
    for name, member in vars(Settings).items():
        if isinstance(member, property):
            getattr(given, name)
    assert environment.asked == VARIABLES


def test_what_is_optional_has_a_neutral_default() -> None:
    empty = Settings({})
    assert empty.public_base_url == ""
    assert empty.fallback_number is None
    assert empty.allowed_hosts == ()
    assert empty.operator_arns == ()
    assert empty.allow_private_hosts is False


def test_lists_are_split_and_trimmed() -> None:
    given = Settings({"ALLOWED_HOSTS": " Api.Twilio.com ,*.example.com,,", "OPERATOR_ARNS": "a,b"})
    assert given.allowed_hosts == ("api.twilio.com", "*.example.com")
    assert given.operator_arns == ("a", "b")


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("TRUE", True), ("false", False)])
def test_allow_private_hosts(text: str, meant: bool) -> None:
    assert Settings({"ALLOW_PRIVATE_HOSTS": text}).allow_private_hosts is meant


def test_a_guard_is_never_opened_by_a_typo() -> None:
    with pytest.raises(ConfigurationError, match="ALLOW_PRIVATE_HOSTS"):
        _ = Settings({"ALLOW_PRIVATE_HOSTS": "yes"}).allow_private_hosts


def test_slashes_at_the_end_do_not_double() -> None:
    given = Settings({"PARAMETER_PREFIX": "/concord/x/", "PUBLIC_BASE_URL": "https://a.example/"})
    assert given.parameter_prefix == "/concord/x"
    assert given.public_base_url == "https://a.example"


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME", "first")
    assert settings().table_name == "first"
    monkeypatch.setenv("TABLE_NAME", "second")
    assert settings().table_name == "first"


def test_values_do_not_show_in_a_representation() -> None:
    assert "whsec" not in repr(Settings({"TABLE_NAME": "whsec_x"}))
