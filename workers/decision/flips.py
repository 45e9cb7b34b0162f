"""Whether a REOPEN asks for what the strategy holds already: then it is no flip. Pure."""

from shared.situation.model import HeldPosition, Task


def is_asked_again(held: HeldPosition, task: Task) -> bool:
    """Whether the REOPEN asks for the very position that is held: then no order is sent.

    An id that survives a flip does not tell two flips apart, so all that ProQuant says of the position has to be equal.
    By id and direction alone a REOPEN BUY 3 was once skipped while 10 were held, and ProQuant believed 3.
    """
    asked = (task.proquant_position_id, task.direction, task.ticker, task.quantity)
    same = asked == (held.proquant_position_id, held.direction, held.ticker, held.signalled)
    return same and held.quantity == held.opened  # a rest that could not be closed is not what was asked for
