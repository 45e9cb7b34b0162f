"""The process that sends one message: an order as JSON on standard input, what became of it on standard output."""

import json
import logging
import re
import sys

_CODE = re.compile(r"\berror=(\d{3})\b")


def main() -> None:
    """Reads `{"url", "subject", "body"}`, sends, and writes `{"problem": null}` or one sentence of what went wrong.

    Without a subject only the URL is looked at.
    """
    order = json.load(sys.stdin)
    json.dump({"problem": problem_of(order["url"], order.get("subject"), order.get("body", ""))}, sys.stdout)


def problem_of(url: str, subject: str | None, body: str) -> str | None:
    """Sends the message; None when the channel has taken it."""
    from apprise import Apprise, NotifyFormat

    heard = _Listener()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    logger.propagate = False  # its lines may show parts of the URL
    channel = Apprise()
    if not channel.add(url):
        return "Its URL is of no kind that Apprise knows, or lacks a part."
    if subject is None or channel.notify(title=subject, body=body, body_format=NotifyFormat.TEXT):
        return None
    return f"It answered with HTTP {heard.code}." if heard.code else "It could not be reached, or refused the message."


class _Listener(logging.Handler):
    """Keeps of Apprise's log the HTTP status and nothing else."""

    code: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        found = _CODE.search(record.getMessage())
        self.code = found.group(1) if found else self.code


if __name__ == "__main__":
    main()
