"""Reads the notifications file: TOML, strictly, so that a slip of the pen is found at the start and not in an alarm."""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.alerts.rules import NOBODY, Channel, RoutingRule, Rules
from shared.domain import AlertKind
from shared.errors import ConfigurationError

SETTING = "BRIDGE_NOTIFICATIONS_FILE"
DEDUPE_SECONDS = 600  # long enough for one trouble to be one message, short enough to hear of the next
DAILY_CAP = 50  # a day with more of them is one trouble, and the first fifty have told of it
LARGEST_CAP = 10_000
LONGEST_DEDUPE = 86_400
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_PLACES = ("url", "url_env", "url_file")
_Table = Mapping[str, Any]


def load(path: Path | None, environment: Mapping[str, str]) -> Rules:
    """The rules of the file at `path`; `NOBODY` without one.

    Raises ConfigurationError that names the file, the place in it and the reason, and never a channel's URL.
    """
    if path is None:
        return NOBODY
    try:
        return parse(path.read_text(encoding="utf-8"), environment, lambda name: Path(name).read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{SETTING}: {path} cannot be read ({type(error).__name__}).") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{SETTING}: {path}: {error}") from error


def parse(text: str, environment: Mapping[str, str], read: Callable[[str], str]) -> Rules:
    """The rules in the text of a file. `read`: the content of the file that a `url_file` names.

    Raises ConfigurationError that names the place and the reason.
    """
    try:
        top = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"is no TOML: {error}") from error
    _only(top, "the top level", "dedupe_seconds", "daily_cap", "channels", "rules")
    cap = _number(top, "daily_cap", DAILY_CAP, 1, LARGEST_CAP)
    channels = {
        name: _channel(name, _table(content, f"channels.{name}"), cap, environment, read)
        for name, content in _table(top.get("channels", {}), "channels").items()
    }
    rules = _tables(top.get("rules"), "rules")
    if not channels or not rules:
        raise ConfigurationError("needs at least one [channels.NAME] and one [[rules]].")
    dedupe = timedelta(seconds=_number(top, "dedupe_seconds", DEDUPE_SECONDS, 0, LONGEST_DEDUPE))
    return Rules(dedupe, channels, tuple(_rule(f"rules[{n}]", rule, channels) for n, rule in enumerate(rules, 1)))


def _channel(
    name: str, content: _Table, cap: int, environment: Mapping[str, str], read: Callable[[str], str]
) -> Channel:
    place = f"channels.{name}"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{place}: use 1 to 32 of the letters, digits, '_' and '-' in a name.")
    _only(content, place, *_PLACES, "daily_cap")
    url = _url(place, content, environment, read)
    if not _URL.fullmatch(url):
        raise ConfigurationError(f"{place}: its URL is none such as slack://... or mailtos://...")
    return Channel(name, url, _number(content, "daily_cap", cap, 1, LARGEST_CAP, f"{place}."))


def _url(place: str, content: _Table, environment: Mapping[str, str], read: Callable[[str], str]) -> str:
    said = [key for key in _PLACES if key in content]
    if len(said) != 1:
        raise ConfigurationError(f"{place}: needs one of url, url_env and url_file.")
    key, value = said[0], content[said[0]]
    if not isinstance(value, str):
        raise ConfigurationError(f"{place}.{key}: must be a string.")
    if key == "url":
        return value
    if key == "url_env":
        if not environment.get(value):
            raise ConfigurationError(f"{place}.url_env: the environment has no {value}.")
        return environment[value].strip()
    try:
        return read(value).strip()
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{place}.url_file: {value} cannot be read ({type(error).__name__}).") from error


def _rule(place: str, content: _Table, channels: Mapping[str, Channel]) -> RoutingRule:
    _only(content, place, "kinds", "accounts", "channels")
    named = _words(content.get("channels"), f"{place}.channels")
    for name in named:
        if name not in channels:
            raise ConfigurationError(f"{place}.channels: there is no [channels.{name}].")
    kinds = None
    if "kinds" in content:
        kinds = frozenset(_kind(word, place) for word in _words(content["kinds"], f"{place}.kinds"))
    accounts = frozenset(_words(content["accounts"], f"{place}.accounts")) if "accounts" in content else None
    return RoutingRule(kinds, accounts, tuple(named))


def _kind(word: str, place: str) -> AlertKind:
    try:
        return AlertKind(word)
    except ValueError as error:
        raise ConfigurationError(f"{place}.kinds: {word!r} is none of {', '.join(AlertKind)}.") from error


def _only(content: _Table, place: str, *known: str) -> None:
    unknown = sorted(content.keys() - set(known))
    if unknown:
        raise ConfigurationError(f"{place}: {unknown[0]!r} is none of {', '.join(known)}.")


def _table(value: object, place: str) -> _Table:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{place}: must be a table.")
    return value


def _tables(value: object, place: str) -> Sequence[_Table]:
    if value is not None and not isinstance(value, list):
        raise ConfigurationError(f"{place}: must be written as [[{place}]].")
    return [_table(each, place) for each in value or ()]


def _words(value: object, place: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise ConfigurationError(f"{place}: must be a list of words, with one at least.")
    return value


def _number(content: _Table, key: str, default: int, least: int, most: int, place: str = "") -> int:
    value = content.get(key, default)
    if type(value) is not int or not least <= value <= most:
        raise ConfigurationError(f"{place}{key}: must be a whole number from {least} to {most}.")
    return value
