"""Every table of the bridge. Each column says who writes it and when; times are UTC, quantities in units.

Whichever module is imported, all are: a reference needs the table that it refers to. What belongs to an event (orders,
fills, closed positions, alerts, answers ...) is deleted with it, by `inbox/retention.py`.
"""

from shared.database.tables import accounts, alerts, events, orders, workers

__all__ = ["accounts", "alerts", "events", "orders", "workers"]
