"""Breaks compact JSON into lines, and changes nothing else: a parser would round numbers and re-spell texts. Pure."""

import re

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^{}\[\],:"]+')


def indented(text: str) -> str:
    """The same tokens, one member a line. An empty object or list stays on its line."""
    lines, depth = [""], 0
    pieces = _PIECE.findall(text)
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        if piece in "}]" and not lines[-1].endswith(("{", "[")):
            depth -= 1
            lines.append("  " * depth)
        lines[-1] += f"{piece} " if piece == ":" else piece
        if piece in "{[" and following not in {"}", "]"}:
            depth += 1
            lines.append("  " * depth)
        if piece == ",":
            lines.append("  " * depth)
    return "\n".join(lines)
