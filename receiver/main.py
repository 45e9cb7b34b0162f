"""The receiver process: `granian --interface wsgi receiver.main:app`."""

from receiver.app import make_app
from shared.config import load, refused_plainly

with refused_plainly():
    app = make_app(load())
