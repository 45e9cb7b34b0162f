"""What a problem of the REST contract means for an order.

Source: docs/brokers/http-openapi.yaml, the schemas Problem and ErrorType.
"""

from collections.abc import Mapping

from shared.domain import ErrorType
from workers.brokers.base import OrderRejected, OutcomeUnknown
from workers.brokers.http_client import BrokerReply
from workers.brokers.unmapped_errors import unmapped

PROBLEM_JSON = "application/problem+json"
ORDER_NOT_FOUND = "order_not_found"
OTHER = "other"
MALFORMED = "malformed"
REFUSALS: Mapping[str, ErrorType | None] = {**{word: word for word in ErrorType}, OTHER: None, MALFORMED: None}
"""Problem type -> what the refusal is called. Whatever is not in here is no word of the contract."""


def problem_of(reply: BrokerReply) -> tuple[str, str] | None:
    """The type and the detail of a problem, None where the answer is none. A 404 of a proxy, for one, is none."""
    media_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = reply.body
    if media_type != PROBLEM_JSON or not isinstance(body, dict):
        return None
    word, detail = body.get("type"), body.get("detail")
    if not isinstance(word, str):
        return None
    return word, detail if isinstance(detail, str) and detail else f"The broker says {word}."


def is_known(reply: BrokerReply) -> bool:
    """Whether the broker says by a 409 that it has an order under our id: in JSON, and by no refusal of the contract.

    The path of a PUT is the order's id, and what is in conflict with a PUT is what is there (RFC 9110, 15.5.10). A page
    or an empty answer may be a proxy's, who knows nothing of orders.
    """
    problem = problem_of(reply)
    return reply.status == 409 and isinstance(reply.body, dict) and (problem is None or problem[0] not in REFUSALS)


def error_of(reply: BrokerReply) -> OrderRejected | OutcomeUnknown:
    """What a 4xx answer to an order means. Only a problem of the contract is definitive."""
    problem = problem_of(reply)
    if problem is None:
        return OutcomeUnknown(f"The answer {reply.status} is not one of the contract.")
    word, detail = problem
    if word not in REFUSALS:
        unmapped("http", word, detail)
    return OrderRejected(REFUSALS.get(word), detail)
