"""What is read the quick way is what the thorough way reads, and what that refuses is refused in its words."""

from itertools import islice
from json import JSONDecoder
from typing import Any, Never

import pytest

from shared.domain import Envelope
from shared.proquant import strict_json
from shared.proquant.envelope import read
from shared.proquant.errors import MalformedBody, UnsupportedVersion
from tests.fuzz.bodies import bodies

COUNT = 20_000
SEED = 7


def test_both_ways_say_the_same_of_mutated_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    given = list(islice(bodies(SEED), COUNT))
    plain: list[bool] = []
    quick = strict_json._AS_IT_SHOULD_BE

    class Noted(JSONDecoder):
        def decode(self, *text: Any) -> Any:
            plain.append(False)
            found = quick.decode(*text)
            plain[-1] = True
            return found

    monkeypatch.setattr(strict_json, "_AS_IT_SHOULD_BE", Noted())
    quickly = [_told(body) for body in given]
    monkeypatch.setattr(strict_json, "_AS_IT_SHOULD_BE", _Never())
    assert [_told(body) for body in given] == quickly
    assert plain.count(True) > COUNT // 20, "so many went the quick way to their end"
    assert plain.count(False) > COUNT // 20


class _Never(JSONDecoder):
    def decode(self, *_: object) -> Never:
        raise strict_json._Odd


def _told(body: bytes) -> Envelope | tuple[type[Exception], str]:
    try:
        return read(body)
    except (MalformedBody, UnsupportedVersion) as error:
        return type(error), str(error)
