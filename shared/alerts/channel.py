"""Sends one message through Apprise, in a process of its own that is killed when it takes too long.

A channel is any of some hundred libraries and servers, and none of them can be trusted to end: a thread that hangs in
one could never be taken back. The child also keeps Apprise, and the URL with its secret, out of the worker's memory.
"""

import json
import subprocess
import sys

from shared.alerts.message import Message

SEND_SECONDS = 30.0  # a mail server that greets slowly takes ten
MODULE = "shared.alerts.sending"


class MessageNotSent(Exception):
    """The channel did not take the message; the words say why, and hold nothing of its URL."""


def send(url: str, message: Message, seconds: float = SEND_SECONDS) -> None:
    """Returns when the channel has taken the message. Raises NotSent, after `seconds` at the latest."""
    _ask({"url": url, "subject": message.subject, "body": message.body}, seconds)


def check(url: str, seconds: float = SEND_SECONDS) -> None:
    """Whether Apprise can use the URL; sends nothing. Raises NotSent."""
    _ask({"url": url}, seconds)


def _ask(order: dict[str, str], seconds: float) -> None:
    command = [sys.executable, "-m", MODULE]
    try:
        done = subprocess.run(
            command, input=json.dumps(order), capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise MessageNotSent(f"It did not answer within {seconds:g} seconds.") from None  # the cause would show the URL
    if done.returncode != 0:
        raise MessageNotSent(f"The process that sends it ended with {done.returncode}.")
    problem = json.loads(done.stdout)["problem"]
    if problem is not None:
        raise MessageNotSent(problem)
