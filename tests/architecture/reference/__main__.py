"""`make docs`: writes the pages of docs/reference from the code."""

from tests.architecture.reference.pages import write

write()
