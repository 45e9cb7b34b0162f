"""A process of the receiver, as `python -m receiver` starts it: an ASGI application."""

import gc

from receiver.app import make_app
from shared.config import load, refused_plainly

with refused_plainly():
    app = make_app(load())

gc.collect()
gc.freeze()  # what is here stays; to look at all of it again and again, in the middle of requests, took 50 ms each time
gc.set_threshold(10_000)  # what comes later is hardly ever in a circle, and a twentieth of the time went into looking
