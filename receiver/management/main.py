"""The process of the management API: `granian --interface wsgi receiver.management.main:app`."""

from receiver.management.app import make_app
from shared.config import load

app = make_app(load())
