"""The pages say what is so: each link leads somewhere, and whatever they mention of the code is there."""

import re
from pathlib import Path

from shared.domain import AlertKind
from tests.architecture import code, pages

LONGEST_README = 119
HOLDS_NO_MORE = re.compile(r"^- State: (superseded|removed)", re.MULTILINE)


def test_every_relative_link_leads_to_a_file_and_to_a_heading_of_it() -> None:
    assert [broken for page in pages.pages() for broken in pages.broken_links(page)] == []


def test_every_file_function_module_column_and_target_that_a_page_mentions_is_there() -> None:
    assert [missing for page in pages.pages() if not _is_history(page) for missing in pages.missing(page)] == []


def test_every_page_that_the_code_mentions_is_there() -> None:
    files = [*code.product(), *code.tests(), code.ROOT / "Makefile", code.ROOT / "docker-compose.yml"]
    named = {(code.name(path), page) for path in files for page in pages.pages_named_by(path)}
    assert named
    assert [each for each in sorted(named) if not (code.ROOT / each[1]).is_file()] == []


def test_the_index_of_the_pages_has_every_page() -> None:
    index = code.ROOT / "docs" / "README.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)", index.read_text())}
    records = code.ROOT / "docs" / "decisions"
    every = {page for page in pages.pages() if page != index and (page.parent != records or page.name == "README.md")}
    assert sorted(code.name(page) for page in every - linked) == []


def test_the_page_for_contributors_has_every_kind_of_test() -> None:
    kinds = {path.parent.relative_to(code.ROOT).parts[1] for path in code.tests() if path.name.startswith("test_")}
    table = re.findall(r"^\| `tests/(\w+)` \|", (code.ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert sorted(table) == sorted(kinds)


def test_the_page_about_alerts_says_of_every_kind_when_it_is_raised() -> None:
    table = re.findall(r"^\| `(\w+)` \|", (code.ROOT / "docs" / "notifications.md").read_text(), re.MULTILINE)
    assert sorted(table) == sorted(AlertKind)


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len((code.ROOT / "README.md").read_text().splitlines()) <= LONGEST_README


def _is_history(page: Path) -> bool:
    """A decision that holds no more is not rewritten: it speaks of the code of its day."""
    is_record = page.parent.name == "decisions" and page.name != "README.md"
    return is_record and HOLDS_NO_MORE.search(page.read_text()) is not None
