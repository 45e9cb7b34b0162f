"""What has to be known from the broker before an order is sent: that its market is open, and its mark. Pure."""

from datetime import datetime

from shared.accounts.instrument import Instrument
from shared.accounts.open_rules import market_closed
from shared.domain import Refusal
from workers.decision.open_checks import Limits
from workers.decision.steps import AskMark, AskMarket, BrokerAnswers, MarkAnswer, SubmitNew


def missing_before_order(
    place: SubmitNew, instrument: Instrument | None, answers: BrokerAnswers, now: datetime, limits: Limits
) -> AskMarket | AskMark | Refusal | None:
    """The question that the broker has to answer first, or why there can be no order now; None: it can be placed."""
    is_open = _is_open(place.symbol, instrument, answers, now)
    if is_open is None:
        return AskMarket(place.symbol)
    if not is_open:
        return market_closed(place.ticker)
    return AskMark() if misses_mark(answers, limits) or _has_an_old_mark(place, answers, limits) else None


def misses_mark(answers: BrokerAnswers, limits: Limits) -> bool:
    """Whether look-ups need a mark that the broker has not told yet.

    The first answer of a take-up may be missing while later ones come. An order that left without its mark in such a
    moment was found by no look-up, and was sent again without end.
    """
    return limits.marks and not answers.marked


def _has_an_old_mark(place: SubmitNew, answers: BrokerAnswers, limits: Limits) -> bool:
    """Whether the mark is from before an earlier order of this leg.

    Two parts of one close may be alike in all that a broker shows of them (at OANDA a close carries no id of ours): a
    look-up of the second that begins before the first would find that one.
    """
    return limits.marks and place.generation > 0 and not isinstance(answers.last, MarkAnswer)


def _is_open(symbol: str, instrument: Instrument | None, answers: BrokerAnswers, now: datetime) -> bool | None:
    if instrument is not None and instrument.hours is not None:
        return instrument.hours.is_open(now)
    return answers.markets.get(symbol)
