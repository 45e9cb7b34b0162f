"""The project's pages, and what they mention of it: links, files, functions, modules, columns, targets."""

import ast
import builtins
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path

from shared.database.tables.orders import OrderRow
from tests.architecture import code

_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_PATH = re.compile(r"(?<![\w/.:-])((?:[\w.{},*-]+/)*[\w.{},*-]+\.py)(?:::(\w+(?:\.\w+)*))?(?![\w/])")
_IN_FILE = re.compile(r"`([\w/]+\.py)`\s+\(((?:`[\w.]+`(?:,\s|\sand\s)?)+)")  # `file.py` (`NAME`, `OTHER` ...
_FOLDER = re.compile(r"(?:receiver|workers|shared|tools|tests|docs)/(?:[\w.{},*-]+/)*[\w.{},*-]*")
_DOTTED = re.compile(r"[A-Za-z]\w*(?:\.\w+)+")
_WORD = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]*)*")
_MODULE = re.compile(r"python -m ((?:receiver|workers|shared|tools|tests)[\w.]*)")
_TARGET = re.compile(r"(?:^ {4}|`)make ([a-z-]+)", re.MULTILINE)
_NAMED_PAGE = re.compile(r"\bdocs/[\w/.-]+?\.(?:md|yaml)\b")


def pages() -> list[Path]:
    """Every page that a person reads."""
    found = [*sorted(code.ROOT.glob("*.md")), *sorted((code.ROOT / "docs").rglob("*.md"))]
    assert len(found) > 15
    return found


def broken_links(page: Path) -> Iterator[str]:
    """The relative links of a page that lead to no file, or to no heading of one."""
    for target in _LINK.findall(_FENCED.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = page if not path else page.parent / path
        if not found.exists() or (anchor and anchor not in _anchors(found)):
            yield f"{code.name(page)}: {target}"


def missing(page: Path) -> Iterator[str]:
    """What a page mentions of the code, and the code does not have."""
    text = page.read_text()
    prose = _FENCED.sub("", text)
    for span in _SPAN.findall(prose):
        for path, thing in _PATH.findall(span):
            if not _has(page, path, thing):
                yield f"{code.name(page)}: {path}::{thing}" if thing else f"{code.name(page)}: {path}"
        if (_FOLDER.fullmatch(span) and not span.endswith(".py") and not _files(span)) or _is_unknown(span):
            yield f"{code.name(page)}: {span}"
        if _is_unknown_word(span):
            yield f"{code.name(page)}: {span}"
    for path, names in _IN_FILE.findall(prose):
        yield from (f"{code.name(page)}: {path} ({name})" for name in _SPAN.findall(names) if not _holds(path, name))
    for named in sorted(pages_named_by(page)):
        if not (code.ROOT / named).is_file():
            yield f"{code.name(page)}: {named}"
    for module in _MODULE.findall(text):
        if not _is_module(module.rstrip(".")):
            yield f"{code.name(page)}: python -m {module}"
    for target in _TARGET.findall(text):
        if target not in _targets():
            yield f"{code.name(page)}: make {target}"


def pages_named_by(path: Path) -> set[str]:
    """The pages of `docs` that a file speaks of by their path from the root."""
    return set(_NAMED_PAGE.findall(path.read_text()))


def _anchors(page: Path) -> set[str]:
    """The names that a forge gives to the headings of a page."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _has(page: Path, path: str, thing: str) -> bool:
    """A path is one of the project's, from its root. A bare name may be of a file that the page tells to make."""
    if "/" not in path:
        text = page.read_text()
        is_made = f"Save it as `{path}`" in text or f"new `{path}`" in text
        return is_made or any(each.name == path for each in _everything())
    found = _files(path)
    return bool(found) and (not thing or any(thing in _names(each) for each in found))


def _holds(path: str, name: str) -> bool:
    """Whether a file has the name somewhere; a setting stands there without its prefix."""
    words = [name.removeprefix("BRIDGE_"), name.rpartition(".")[2]]
    return any(re.search(rf"\b{word}\b", each.read_text()) for word in words for each in _files(path))


def _files(path: str) -> list[Path]:
    """What a path with `*` and `{a,b}` stands for; nothing where one of its alternatives stands for nothing."""
    found = [sorted(code.ROOT.glob(each)) for each in _alternatives(path.rstrip("/"))]
    return list(chain.from_iterable(found)) if all(found) else []


def _alternatives(path: str) -> Iterator[str]:
    head, brace, rest = path.partition("{")
    if not brace:
        yield path
        return
    inner, _, tail = rest.partition("}")
    for each in inner.split(","):
        yield from _alternatives(head + each + tail)


def _is_unknown(span: str) -> bool:
    """Whether it is spelled as `module.name`, `table.column` or `Class.name` of ours, and there is no such thing."""
    span = re.sub(r"\(.*\)$", "", span)
    if not _DOTTED.fullmatch(span) or span.endswith((".py", ".md", ".toml", ".yml")):
        return False
    owner, _, name = span.partition(".")
    if owner in code.PACKAGES or owner == "tests":
        return not (_is_module(span) or _is_in_module(span))
    owners = _owners()
    return owner in owners and name not in owners[owner]


def _is_unknown_word(span: str) -> bool:
    """Whether it is spelled as a type is, and neither the code nor what it says has the word."""
    return _WORD.fullmatch(span) is not None and span not in _words()


def _is_module(name: str) -> bool:
    path = code.ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def _is_in_module(name: str) -> bool:
    module, _, thing = name.rpartition(".")
    path = code.ROOT.joinpath(*module.split("."))
    return any(thing in _names(each) for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file())


@cache
def _everything() -> list[Path]:
    return code.product() + code.tests()


@cache
def _owners() -> Mapping[str, set[str]]:
    """By the name of a module, a table or a class of the product: what it has."""
    found: dict[str, set[str]] = {}
    for path in code.product():
        names = _names(path)
        found.setdefault(path.stem, set()).update(names)
        for name in names:
            owner, _, member = name.partition(".")
            if member:
                found.setdefault(owner, set()).add(member)
    for table in OrderRow.metadata.tables.values():
        found.setdefault(table.name, set()).update(column.name for column in table.columns)
    return found


@cache
def _words() -> frozenset[str]:
    """Every type of the code, every text in it, and what Python has by itself."""
    found = set(dir(builtins))
    for path in _everything():
        found |= {name.rpartition(".")[2] for name in _names(path)}
        texts = [node.value for node in ast.walk(code.tree(path)) if isinstance(node, ast.Constant)]
        found |= {text for text in texts if isinstance(text, str)}
    return frozenset(found)


@cache
def _names(path: Path) -> frozenset[str]:
    """What a file defines: `name`, and `Class.member`."""
    return frozenset(_defined(code.tree(path).body))


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name):
                yield name
                yield from _defined(node.body)  # a route or a task is defined within its maker
            case ast.ClassDef(name=name):
                yield name
                yield from (f"{name}.{member}" for member in _defined(node.body))
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name
            case _:
                pass


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (code.ROOT / "Makefile").read_text(), re.MULTILINE))
