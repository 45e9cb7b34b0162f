"""Broker settings at rest."""

import json

import pytest
from cryptography.fernet import Fernet

from shared.accounts import vault
from shared.errors import ConfigurationError

SETTINGS = {"token": "a-broker-key", "account": "ünïcode", "empty": ""}


@pytest.fixture
def key() -> str:
    return Fernet.generate_key().decode()


def test_what_is_encrypted_comes_back(key: str) -> None:
    assert vault.decrypt(key, vault.encrypt(key, SETTINGS)) == SETTINGS


def test_the_text_at_rest_tells_nothing(key: str) -> None:
    text = vault.encrypt(key, SETTINGS)
    assert "broker" not in text
    assert "token" not in text
    assert text != vault.encrypt(key, SETTINGS)


def test_another_key_cannot_read_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="not the key that encrypted"):
        vault.decrypt(Fernet.generate_key().decode(), vault.encrypt(key, SETTINGS))


def test_a_text_that_was_changed_is_refused(key: str) -> None:
    text = vault.encrypt(key, SETTINGS)
    with pytest.raises(ConfigurationError):
        vault.decrypt(key, text[:-4] + "AAA=")


@pytest.mark.parametrize("missing", [None, ""])
def test_without_a_key_nothing_is_stored(missing: str | None) -> None:
    with pytest.raises(ConfigurationError, match="BRIDGE_SECRET_KEY is not set"):
        vault.encrypt(missing, SETTINGS)


@pytest.mark.parametrize("odd", ["hunter2", "x" * 44, "é" * 44])
def test_a_key_of_another_form_is_refused_and_not_shown(odd: str) -> None:
    with pytest.raises(ConfigurationError, match="not a Fernet key") as refused:
        vault.encrypt(odd, SETTINGS)
    assert odd not in str(refused.value)


def test_settings_are_text_also_where_they_were_stored_as_something_else(key: str) -> None:
    text = Fernet(key).encrypt(json.dumps({"seed": 7}).encode()).decode()
    assert vault.decrypt(key, text) == {"seed": "7"}
