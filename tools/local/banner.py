"""What `make run` tells its user once everything answers. Pure text."""

from dataclasses import dataclass

from shared.proquant.request import WEBHOOK_PATH

ACCOUNT = "demo"


@dataclass(frozen=True, slots=True)
class BannerFacts:
    """What the banner says. `token` only in the first run; `flower_password` unless the user has set one."""

    receiver_url: str
    flower_url: str
    flower_login: str | None
    token: str | None


def banner(facts: BannerFacts) -> str:
    """The whole banner, with one command that opens a position."""
    lines = [
        "",
        f"  Webhooks   {facts.receiver_url}{WEBHOOK_PATH}",
        f"  Health     {facts.receiver_url}/readyz",
        f"  Flower     {facts.flower_url}  {facts.flower_login or '(with the login of FLOWER_BASIC_AUTH)'}",
        "",
        *_account_lines(facts),
        "",
        "  See what it did:  .venv/bin/proquant-bridge positions list",
        "  Stop everything:  Ctrl-C",
        "",
    ]
    return "\n".join(lines)


def _account_lines(facts: BannerFacts) -> list[str]:
    if facts.token is None:
        return [
            f"  Account    {ACCOUNT}  (its token was shown in the first run; a new one:",
            f"             .venv/bin/proquant-bridge accounts rotate-token {ACCOUNT})",
            "  Open a position, with the token in place of TOKEN:",
            "",
            curl(facts.receiver_url, "TOKEN"),
        ]
    return [
        f"  Account    {ACCOUNT}, on the paper broker",
        f"  Token      {facts.token}   (shown only now)",
        "  Open a position:",
        "",
        curl(facts.receiver_url, facts.token),
    ]


def curl(receiver_url: str, token: str) -> str:
    """One line for a shell that sends a SIGNAL_OPEN with the time of the moment when it is run."""
    return (
        f"curl -i {receiver_url}{WEBHOOK_PATH}"
        f" -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json'"
        """ -d '{"v1":{"deprecation":null,"event":{"timestamp":'$(date +%s)'000,"type":"SIGNAL_OPEN","""
        """"integration":{},"""
        """"data":{"direction":"BUY","ticker":"XAUUSD","quantity":10,"strategy":{"id":"demo","name":"Demo"},"""
        """"proquantPositionId":"demo-'$(date +%s)'"}}}}'"""
    )
