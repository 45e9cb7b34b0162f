"""The process of the management API: `granian --interface wsgi tools.management.main:app`."""

from shared.config import load, refused_plainly
from tools.management.app import make_app

with refused_plainly():
    app = make_app(load())
