"""The process of the management API: `granian --interface wsgi receiver.management.main:app`."""

from receiver.management.app import make_app
from shared.config import load, refused_plainly

with refused_plainly():
    app = make_app(load())
