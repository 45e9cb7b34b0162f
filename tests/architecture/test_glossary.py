"""Each word of the glossary is explained once, in one sentence, and really stands in the file that the page names."""

import re
from dataclasses import dataclass

import pytest

from tests.architecture import code

PAGE = code.ROOT / "docs" / "glossary.md"
ROW = re.compile(r"^\| (?!word \|)(?P<word>[^|]+) \| (?P<meaning>[^|]+) \| `(?P<file>[^`|]+)` \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the page."""

    word: str
    meaning: str
    file: str


ENTRIES = [Entry(*row.group("word", "meaning", "file")) for row in ROW.finditer(PAGE.read_text())]


def test_every_row_of_the_page_is_read() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    headings = [line for line in rows if line.startswith(("| word", "|---"))]
    assert len(ENTRIES) == len(rows) - len(headings) > 0


def test_every_word_is_explained_once() -> None:
    words = [entry.word for entry in ENTRIES]
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.word)
def test_every_word_lives_where_the_page_says(entry: Entry) -> None:
    text = (code.ROOT / entry.file).read_text()
    assert re.search(rf"(?<![a-z]){re.sub(r'[ -]', '[ _-]?', entry.word)}", text, re.IGNORECASE)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.word)
def test_every_meaning_is_one_sentence_and_names_only_what_is_in_its_file(entry: Entry) -> None:
    assert re.fullmatch(r"[A-Z][^.]*\.", entry.meaning)
    text = (code.ROOT / entry.file).read_text()
    assert [name for name in re.findall(r"`(\w+)`", entry.meaning) if not re.search(rf"\b{name}\b", text)] == []
