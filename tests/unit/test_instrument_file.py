"""The instruments file: read strictly and exactly, and refused with the file, the key and the reason."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts.instrument_choices import NO_FILE, InstrumentChoices, InstrumentFile, QuantityLimits
from shared.accounts.instrument_file import load, parse
from shared.errors import ConfigurationError

GOOD = """
[brokers.oanda.tickers]
US500 = "SPX500_USD"
"BRK.B" = "BRK B"
[brokers."house.broker:make".tickers]
XAUUSD = "gold"
[accounts.alice.tickers]
BTCUSD = "BTC/USDT:USDT"
[accounts.alice.limits.BTCUSD]
minimum = 0.1
maximum = "2.50"
[accounts.alice.limits.XAUUSD]
step = 5
"""


def test_a_good_file_says_what_is_what() -> None:
    limits = {"BTCUSD": QuantityLimits(Decimal("0.1"), Decimal("2.5")), "XAUUSD": QuantityLimits(step=Decimal(5))}
    assert parse(GOOD) == InstrumentFile(
        {"oanda": {"US500": "SPX500_USD", "BRK.B": "BRK B"}, "house.broker:make": {"XAUUSD": "gold"}},
        {"alice": InstrumentChoices({"BTCUSD": "BTC/USDT:USDT"}, limits)},
    )


def test_the_example_of_the_documentation_is_a_good_file() -> None:
    page = (Path(__file__).parents[2] / "docs" / "instruments.md").read_text()
    file = parse(page.split("```toml")[1].split("```")[0])
    assert file.of("alice", "binance").symbols == {"BTCUSD": "BTCUSDC", "BRK.B": "BRK B"}
    assert file.of("alice", "binance").limits == {"XAUUSD": QuantityLimits(Decimal(1), Decimal(25), Decimal("0.5"))}


def test_a_number_is_exact_as_it_is_written() -> None:
    text = "[accounts.a.limits.T]\nminimum = 0.100000000001\nmaximum = 123456789012.123456789012"
    limits = parse(text).accounts["a"].limits["T"]
    assert (str(limits.minimum), str(limits.maximum)) == ("0.100000000001", "123456789012.123456789012")


TICKERS, LIMITS = "[brokers.oanda.tickers]\n", "[accounts.alice.limits.XAUUSD]\n"
QUANTITY = r"accounts\.alice\.limits\.XAUUSD\.\w+: must be a number above 0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[accounts", "is no TOML"),
        ("a = " + "[" * 5000, "is no TOML"),
        ("a = " + "9" * 5000, "is no TOML"),
        (TICKERS + 'A = "1"\nA = "2"', "is no TOML"),
        ("[broker.oanda]", "the top level: 'broker' is none of brokers, accounts"),
        ("accounts = 1", "accounts: must be a table"),
        ("[accounts]\nalice = []", r"accounts\.alice: must be a table"),
        ("[[brokers.oanda]]", r"brokers\.oanda: must be a table"),
        ("[brokers.oanda.limits]", r"brokers\.oanda: 'limits' is none of tickers"),
        ("[accounts.alice.symbols]", r"accounts\.alice: 'symbols' is none of tickers, limits"),
        ("[brokers.oanda]\ntickers = 3", r"brokers\.oanda\.tickers: must be a table"),
        (TICKERS + "US500 = 5", r"brokers\.oanda\.tickers\.US500: must be a broker's symbol in quotes"),
        (TICKERS + 'US500 = ""', r"tickers\.US500: must be a broker's symbol"),
        (TICKERS + 'US500 = " SPX"', r"tickers\.US500: must be a broker's symbol"),
        (TICKERS + 'US500 = "a\\u0000b"', r"tickers\.US500: must be a broker's symbol"),
        (TICKERS + 'BRK.B = "BRK"', r"tickers\.BRK: must be .* quote dotted tickers too"),
        (TICKERS + '"US\\u0009500" = "SPX"', r"tickers: .* is no ticker: 1 to 64 printable characters"),
        (TICKERS + 'US500 = "SPX"\nNAS100 = "SPX"', r"tickers\.NAS100: SPX is what US500 means already"),
        ("[accounts.alice.limits]\nXAUUSD = 1", r"accounts\.alice\.limits\.XAUUSD: must be a table"),
        (f"[accounts.alice.limits.{'X' * 65}]\nstep = 1", r"accounts\.alice\.limits: 'X+' is no ticker"),
        (LIMITS, r"limits\.XAUUSD: needs one of minimum, maximum and step"),
        (LIMITS + "max = 1", r"limits\.XAUUSD: 'max' is none of minimum, maximum, step"),
        (LIMITS + "minimum = 2\nmaximum = 1", r"limits\.XAUUSD\.maximum: is smaller than the minimum"),
        *(
            (LIMITS + f"step = {odd}", QUANTITY)
            for odd in ("0", "-1", "true", "nan", "inf", '"1e3"', '"x"', '""', "[]")
        ),
        *((LIMITS + f"step = {odd}", QUANTITY) for odd in ("1e13", "1e-13", "0.1000000000001", "1979-05-27", '"-1"')),
        (LIMITS + "step = 1e-99999999999999999999", "XAUUSD.step: must be a number|is no TOML"),
        (LIMITS + "step = 1e99999999999999999999", "XAUUSD.step: must be a number|is no TOML"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_the_key_and_the_reason(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "i.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"(?s)^BRIDGE_INSTRUMENTS_FILE: .*i.toml: .*({words})"):
        load(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "i.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"^BRIDGE_INSTRUMENTS_FILE: .*i\.toml cannot be read"):
        load(path)


def test_without_a_file_nothing_is_chosen() -> None:
    assert load(None) is NO_FILE


@given(st.text(alphabet="[]{}=.,'\"# \n\t_-+:0123456789aeinfstx", max_size=80))
def test_no_text_raises_anything_else(text: str) -> None:
    for head in ("", TICKERS, LIMITS + "step = "):
        try:
            parse(head + text)
        except ConfigurationError as error:
            assert str(error)  # noqa: PT017  # that it is of this type is what is tested


def test_a_worker_does_not_start_with_a_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared import config
    from workers.app import make_worker

    (tmp_path / "i.toml").write_text("tickers = 1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("BRIDGE_INSTRUMENTS_FILE", str(tmp_path / "i.toml"))
    with pytest.raises(ConfigurationError, match=r"i\.toml: the top level: 'tickers' is none of"):
        make_worker(config.load())
