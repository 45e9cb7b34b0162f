"""The receiver process: `granian --interface wsgi receiver.main:app`."""

from receiver.app import make_app
from shared.config import load

app = make_app(load())
