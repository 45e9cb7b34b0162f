"""The receiver's memory of accounts: a second old at most, and honest about a database that is away."""

from dataclasses import dataclass

import pytest
from cryptography.fernet import Fernet
from sqlalchemy.exc import SQLAlchemyError

from receiver.authentication import AccountCache
from receiver.precheck import InstrumentCache
from shared.accounts import accounts, instruments
from shared.accounts.accounts import AccountState
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.domain import AccountId
from tests.support.factories import GOLD
from tests.support.manual_clock import Ticking

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"


@dataclass
class Known:
    """An account, its token, and a directory that looks it up."""

    sessions: Sessions
    account: AccountId
    token: str
    clock: Ticking
    directory: AccountCache

    def find(self, token: str | None = None) -> AccountState | None:
        return self.directory.find(token or self.token)


@pytest.fixture
def known(sessions: Sessions) -> Known:
    with sessions.begin() as session:
        account, token = accounts.create(session, "alice", "paper", {}, GOLD.minimum, Fernet.generate_key().decode())
    clock = Ticking()
    return Known(sessions, account, token, clock, AccountCache(sessions, clock))


def test_an_account_is_found_by_its_token_and_by_no_other(known: Known) -> None:
    found = known.find()
    assert found is not None
    assert found.name == "alice"
    assert known.find(f"{known.token}x") is None
    assert known.find("alice") is None


def test_a_pause_is_seen_after_a_second_at_most(known: Known) -> None:
    known.find()
    with known.sessions.begin() as session:
        accounts.set_paused(session, "alice", paused=True)
    known.clock.at += 0.99
    before = known.find()
    known.clock.at += 0.02
    after = known.find()
    assert before is not None
    assert after is not None
    assert (before.paused, after.paused) == (False, True)


def test_a_rotated_token_is_refused_after_a_second_at_most(known: Known) -> None:
    known.find()
    with known.sessions.begin() as session:
        new = accounts.rotate_token(session, "alice")
    known.clock.at += 1.01
    assert known.find() is None
    assert known.find(new) is not None


def test_two_tokens_of_one_account_both_work(known: Known) -> None:
    with known.sessions.begin() as session:
        second = accounts.issue_token(session, AccountId(accounts.named(session, "alice").id))[1]
    assert known.find() == known.find(second)


def test_a_wrong_token_is_not_remembered(known: Known) -> None:
    for number in range(50):
        known.find(f"guess-{number}")
    assert len(known.directory._known) == 0


def test_what_a_lifecycle_event_changed_is_seen_at_once(known: Known) -> None:
    known.find()
    with known.sessions.begin() as session:
        accounts.set_paused(session, "alice", paused=True)
    known.directory.forget()
    found = known.find()
    assert found is not None
    assert found.paused


def test_a_database_that_is_away_is_said_to_be_so_and_a_fresh_account_still_works(known: Known) -> None:
    engine = make_engine(NOWHERE)
    away = AccountCache(make_sessions(engine), known.clock)
    with pytest.raises(SQLAlchemyError):
        away.find(known.token)
    engine.dispose()


def test_instruments_are_read_again_after_five_seconds(sessions: Sessions, known: Known) -> None:
    remembered = InstrumentCache(sessions, known.clock)
    assert remembered.of(known.account) == {}
    with sessions.begin() as session:
        instruments.replace(session, known.account, [GOLD])
    known.clock.at += 4.9
    assert remembered.of(known.account) == {}
    known.clock.at += 0.2
    assert remembered.of(known.account) == {"XAUUSD": GOLD}
