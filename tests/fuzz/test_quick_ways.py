"""What is read the quick way is what the thorough way reads, and what that refuses is refused in its words."""

from itertools import islice
from json import JSONDecoder
from typing import Never

import pytest

from shared.domain import Envelope, SignalEvent
from shared.proquant import strict_json, v1
from shared.proquant.envelope import read
from shared.proquant.errors import MalformedBody, UnsupportedVersion
from tests.fuzz.bodies import bodies

COUNT = 20_000
SEED = 7


def test_both_ways_say_the_same_of_mutated_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    given = list(islice(bodies(SEED), COUNT))
    plain: list[bool] = []
    quick = v1._as_the_guide_shows_it

    def noted(event: object) -> SignalEvent | None:
        found = quick(event)
        plain.append(found is not None)
        return found

    monkeypatch.setattr(v1, "_as_the_guide_shows_it", noted)
    quickly = [_told(body) for body in given]
    monkeypatch.setattr(strict_json, "_AS_IT_SHOULD_BE", _Never())
    monkeypatch.setattr(v1, "_as_the_guide_shows_it", lambda _: None)
    assert [_told(body) for body in given] == quickly
    assert sum(plain) > COUNT // 20, "so many went the quick way to their end"
    assert plain.count(False) > COUNT // 20


class _Never(JSONDecoder):
    def decode(self, *_: object) -> Never:
        raise strict_json._Odd


def _told(body: bytes) -> Envelope | tuple[type[Exception], str]:
    try:
        return read(body)
    except (MalformedBody, UnsupportedVersion) as error:
        return type(error), str(error)
