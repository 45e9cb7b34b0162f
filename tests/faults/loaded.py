"""What the processes of the crash tests are forked from: all is loaded, mapped and written down, nothing is connected.

Each of them would begin with that anew, and most live for less than a second.
"""

import encodings.idna  # noqa: F401  # the driver's, for the name of its server
import gc

from sqlalchemy.orm import configure_mappers

from shared.database.prepared import Statement
from tests.faults import processes  # noqa: F401
from workers.brokers.paper import broker  # noqa: F401  # an adapter is loaded when it is first used


def load() -> None:
    """Does, once for all, what is done on first use; and lets the garbage collector leave alone what all share."""
    configure_mappers()
    for statement in [known for known in gc.get_objects() if isinstance(known, Statement)]:
        _ = statement._written  # its text
    gc.collect()
    gc.freeze()


load()
