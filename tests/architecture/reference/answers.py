"""Writes docs/reference/answers.md from the errors, their statuses and the words that stand below each."""

import ast
from collections.abc import Iterable, Iterator
from itertools import pairwise

from receiver.transport.responses import headers_of
from shared.domain import AnyError, ErrorType, GenericError
from shared.proquant import answers
from tests.architecture import code
from tests.architecture.reference import markdown

HEADS = ("status", "error", "when", "headers", "body, unless a detail is given", "ProQuant shows", "send again")
_SAID_OF_ALL = {"content-type", "Content-Length"}


def page() -> str:
    """The whole page."""
    about = markdown.prose(answers.__doc__).removesuffix(" Pure.").replace(" Pure.\n", "\n")
    lines = markdown.generated("Answers", "`shared/domain.py` and `shared/proquant/answers.py`", about)
    lines += ["## All is well", ""]
    lines += markdown.table(
        HEADS, [("200", "", markdown.prose(answers.accepted.__doc__), "", "empty", "nothing", "no")]
    )
    for title, errors in (("The nine errors of the guide", ErrorType), ("The others", GenericError)):
        words = markdown.prose(errors.__doc__)
        lines += [f"## {title}", "", words, "", *markdown.table(HEADS, _rows(errors))]
    return "\n".join(lines)


def _rows(errors: Iterable[AnyError]) -> Iterator[Iterator[str]]:
    words = _words()
    for error in sorted(errors, key=lambda error: (answers.STATUS[error], error.value)):
        yield _row(error, words[error.name])


def _row(error: AnyError, words: str) -> Iterator[str]:
    reply = answers.reply_for(error)
    yield str(reply.status)
    yield f"`{error}`"
    yield words
    yield ", ".join(f"`{name}: {value}`" for name, value in headers_of(reply) if name not in _SAID_OF_ALL)
    yield f"`{reply.body.decode()}`"
    yield answers.meaning(reply.status, dict(reply.headers), reply.body)
    yield "yes" if error in answers.SEND_AGAIN else "no"


def _words() -> dict[str, str]:
    """What stands below each member of the two sets of errors."""
    return {
        node.targets[0].id: ast.literal_eval(below.value)
        for enum in code.tree(code.ROOT / "shared" / "domain.py").body
        if isinstance(enum, ast.ClassDef) and enum.name in {ErrorType.__name__, GenericError.__name__}
        for node, below in pairwise(enum.body)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(below, ast.Expr)
    }
