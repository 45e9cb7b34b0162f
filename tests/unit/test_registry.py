"""How a broker is found by its kind, and what is said when it cannot be."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from shared.errors import ConfigurationError
from workers.brokers import registry
from workers.brokers.paper.broker import PaperBroker, make
from workers.brokers.registry import known_kinds, make_broker

HERE = __name__
NOWHERE = {"database_url": "postgresql://nobody@127.0.0.1:1/nowhere"}
seen: list[dict[str, str]] = []


def recording_factory(settings: Mapping[str, str]) -> object:
    seen.append(dict(settings))
    return make({**NOWHERE, "account": settings["account"]})


not_callable = 7


def test_the_built_in_name_makes_the_paper_broker() -> None:
    assert isinstance(make_broker("paper", NOWHERE, "demo"), PaperBroker)


def test_a_dotted_path_is_called_with_the_settings_and_the_account() -> None:
    seen.clear()
    make_broker(f"{HERE}:recording_factory", {"a": "1"}, "demo")
    assert seen == [{"a": "1", "account": "demo"}]


def test_an_entry_point_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("acme", f"{HERE}:recording_factory", registry.ENTRY_POINT_GROUP)])
    monkeypatch.setattr(registry, "entry_points", points.select)
    assert isinstance(make_broker("acme", {}, "demo"), PaperBroker)
    assert known_kinds() == sorted(["acme", *registry.BUILT_IN])


def test_an_entry_point_cannot_take_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("paper", f"{HERE}:not_callable", registry.ENTRY_POINT_GROUP)])
    monkeypatch.setattr(registry, "entry_points", points.select)
    assert isinstance(make_broker("paper", NOWHERE, "demo"), PaperBroker)


@pytest.mark.parametrize("kind", ["papre", "", "no module:factory", "module:", ":factory", "a.b", "../x:y"])
def test_an_unknown_kind_is_refused_with_a_list_of_what_is_known(kind: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Known are .*paper.*, or a path"):
        make_broker(kind, {}, "demo")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no_such_module:factory", "No module named 'no_such_module'"),
        (f"{HERE}:no_such_factory", "no_such_factory"),
        (f"{HERE}:not_callable", "is not callable"),
    ],
)
def test_a_factory_that_cannot_be_had_is_named(kind: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_broker(kind, {}, "demo")


def test_a_setting_that_the_factory_refuses_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"The broker paper refuses its settings: seed: 'x' is not a whole"):
        make_broker("paper", {**NOWHERE, "seed": "x"}, "demo")


def test_the_account_is_not_a_setting_of_the_user() -> None:
    with pytest.raises(ConfigurationError, match="`account` cannot be chosen"):
        make_broker("paper", {**NOWHERE, "account": "other"}, "demo")


def test_without_a_database_the_missing_variable_is_named() -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        make_broker("paper", {}, "demo")
