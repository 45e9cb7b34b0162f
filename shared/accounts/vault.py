"""Broker settings at rest: encrypted with BRIDGE_SECRET_KEY (Fernet: AES-128-CBC with HMAC-SHA-256)."""

import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken

from shared.errors import ConfigurationError

MAKE_A_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


def encrypt(secret_key: str | None, settings: Mapping[str, str]) -> str:
    """The settings as a text that only the holder of the key can read. Raises ConfigurationError without one."""
    return _fernet(secret_key).encrypt(json.dumps(dict(settings)).encode()).decode()


def decrypt(secret_key: str | None, text: str) -> dict[str, str]:
    """The settings in `text`. Raises ConfigurationError where the key is not the one that encrypted them."""
    try:
        plain = _fernet(secret_key).decrypt(text.encode())
    except InvalidToken as error:
        raise ConfigurationError("BRIDGE_SECRET_KEY is not the key that encrypted this account's settings.") from error
    return {str(name): str(value) for name, value in json.loads(plain).items()}


def _fernet(secret_key: str | None) -> Fernet:
    if not secret_key:
        raise ConfigurationError(f"BRIDGE_SECRET_KEY is not set; make one with: {MAKE_A_KEY}")
    try:
        return Fernet(secret_key)
    except ValueError as error:
        raise ConfigurationError(f"BRIDGE_SECRET_KEY is not a Fernet key; make one with: {MAKE_A_KEY}") from error
