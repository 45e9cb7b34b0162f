"""Asks ProQuant to let a user connect strategies to an account: safe to repeat, and when the answer is lost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from shared.accounts import integrations
from shared.accounts.integration_states import IntegrationState
from shared.accounts.integrations import AlreadyRequested
from shared.config import Config
from shared.database.engine import Sessions
from shared.domain import IntegrationId
from shared.errors import BridgeError, ConfigurationError
from shared.proquant import integrations_api
from shared.proquant.integrations_api import (
    IntegrationRequest,
    RequestAnswer,
    RequestNotTaken,
    RequestTaken,
    RequestUnanswered,
)
from shared.proquant.request import WEBHOOK_PATH
from shared.urls import check_url

DESCRIPTION = "ProQuant Bridge"

Ask = Callable[[str, IntegrationRequest], RequestAnswer]


class IntegrationRequestRefused(BridgeError):
    """ProQuant did not take the integration request, and never will take this one."""


class ProQuantAway(BridgeError):
    """ProQuant could not be reached, or did not answer. The same request again is safe, and goes on from here."""


@dataclass(frozen=True, slots=True)
class IntegrationOptions:
    """Whom to ask, and what the user sees. None stands for a default that the settings and the account give."""

    account: str
    user_email: str
    name: str | None = None
    description: str = DESCRIPTION
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class CreatedIntegration:
    """Where the integration stands. `asked`: whether ProQuant was sent anything, or had the request already."""

    account: str
    user_email: str
    webhook_url: str
    state: IntegrationState
    asked: bool


def request_approval(
    sessions: Sessions, config: Config, wanted: IntegrationOptions, ask: Ask = integrations_api.ask
) -> CreatedIntegration:
    """Asks for the user's approval, unless ProQuant was asked already.

    1. Commit the request and its token's hash: ProQuant must not know of a token that we do not.
    2. Send it; no transaction is open.
    3. Commit what became of it. Dying before that leaves it unanswered, and the next call sends the same token again.

    Raises RequestRefused, ProQuantAway, UnknownAccount, OddEmail, UnsafeUrl and ConfigurationError.
    """
    public_url = _public_url(config)
    check_url(config.proquant_api_url)
    webhook_url = public_url + WEBHOOK_PATH
    name = wanted.name or wanted.account
    with sessions.begin() as session:
        begun = integrations.begin_request(session, wanted.account, wanted.user_email, name, config.secret_key)
    if isinstance(begun, AlreadyRequested):
        return CreatedIntegration(wanted.account, wanted.user_email.strip(), webhook_url, begun.state, asked=False)
    request = IntegrationRequest(
        name=name,
        description=wanted.description,
        image_url=wanted.image_url or f"{public_url}/logo.png",
        user_email=wanted.user_email.strip(),
        webhook_url=webhook_url,
        headers={"Authorization": f"Bearer {begun.token}"},
    )
    _settle(sessions, begun.integration, ask(config.proquant_api_url, request))
    return CreatedIntegration(wanted.account, request.user_email, webhook_url, IntegrationState.REQUESTED, asked=True)


def _settle(sessions: Sessions, integration: IntegrationId, answer: RequestAnswer) -> None:
    with sessions.begin() as session:
        match answer:
            case RequestTaken():
                integrations.requested(session, integration)
                return
            case RequestNotTaken(problem, refused):
                revoked = integrations.not_taken(session, integration, problem, refused=refused)
            case RequestUnanswered(problem):
                integrations.unanswered(session, integration, problem)
                refused = revoked = False
            case _:
                assert_never(answer)
    if revoked:
        raise IntegrationRequestRefused(f"{problem}. The token of this request works no more.")
    if refused:
        raise IntegrationRequestRefused(
            f"{problem}. An earlier request may have arrived, so its token goes on working."
        )
    raise ProQuantAway(f"{problem}. Repeating this is safe.")


def _public_url(config: Config) -> str:
    if not config.public_url:
        raise ConfigurationError("BRIDGE_PUBLIC_URL is not set: it says where ProQuant reaches the receiver.")
    check_url(config.public_url)
    return config.public_url.rstrip("/")
