"""Posts odd bodies to a running receiver, and fails on any answer that a receiver must never give.

python -m tests.fuzz.http --url http://127.0.0.1:8000/webhooks/proquant --token TOKEN --count 100000
"""

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import monotonic

import click
import httpx

from shared.proquant.answers import meaning
from tests.fuzz.bodies import bodies

HINTS_OF_A_CRASH = (b"Traceback", b'File "', b"sqlalchemy", b"psycopg")


@click.command()
@click.option("--url", required=True, help="The webhook's address.")
@click.option("--token", required=True, help="A token of an account that may be traded in.")
@click.option("--count", default=100_000, show_default=True, type=click.IntRange(min=1))
@click.option("--threads", default=8, show_default=True, type=click.IntRange(1, 64))
@click.option("--seed", default=1, show_default=True, help="The same seed posts the same bodies.")
def main(url: str, token: str, count: int, threads: int, seed: int) -> None:
    """Prints how often each status came, and what ProQuant's user would have been shown."""
    started = monotonic()
    shares = [count // threads + (number < count % threads) for number in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        runs = [pool.submit(post, url, token, seed * 1000 + number, share) for number, share in enumerate(shares)]
        results = [run.result() for run in runs]
    statuses = sum((status for status, _ in results), Counter[str]())
    failures = [failure for _, failed in results for failure in failed]
    click.echo(f"{count} bodies in {monotonic() - started:.1f} s")
    for status, times in sorted(statuses.items()):
        click.echo(f"{times:>8}  {status}")
    sys.exit(_verdict(failures))


def post(url: str, token: str, seed: int, count: int) -> tuple[Counter[str], list[str]]:
    """Posts `count` bodies over one connection that is kept alive; the statuses, and what was wrong with an answer."""
    statuses: Counter[str] = Counter()
    failures: list[str] = []
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    with httpx.Client(headers=headers, timeout=30) as client:
        for body in islice(bodies(seed), count):
            status, fault = _post_one(client, url, body)
            statuses[status] += 1
            if fault:
                failures.append(f"{fault}: {body[:300]!r}")
    return statuses, failures


def _post_one(client: httpx.Client, url: str, body: bytes) -> tuple[str, str | None]:
    try:
        answer = client.post(url, content=body)
    except httpx.TransportError as error:
        return f"no answer ({type(error).__name__})", f"no answer: {error}"
    status = f"{answer.status_code} {meaning(answer.status_code, answer.headers, answer.content)}"
    return status, _fault(answer)


def _fault(answer: httpx.Response) -> str | None:
    if answer.status_code >= 500:
        return f"status {answer.status_code}"
    return next((f"the answer holds {hint!r}" for hint in HINTS_OF_A_CRASH if hint in answer.content), None)


def _verdict(failures: Sequence[str]) -> int:
    for failure in failures[:20]:
        click.echo(failure, err=True)
    click.echo(f"{len(failures)} answers that must not be" if failures else "no answer that must not be")
    return 1 if failures else 0


if __name__ == "__main__":
    main()
