"""Every metric of GET /metrics: its name, label, unit and meaning, and when a person should be told. All are gauges."""

from dataclasses import dataclass
from typing import Final

from prometheus_client.core import GaugeMetricFamily

PREFIX: Final = "proquant_bridge"
NEWEST: Final = 5000


@dataclass(frozen=True, slots=True)
class Description:
    """What a metric is. `words` is its HELP line; `alert` is what to compare it with, empty where none is needed."""

    name: str
    words: str
    unit: str
    label: str = ""
    values: str = ""
    alert: str = ""

    def family(self) -> GaugeMetricFamily:
        """Without a sample yet."""
        return GaugeMetricFamily(f"{PREFIX}_{self.name}", self.words, labels=[self.label] if self.label else [])


DATABASE_UP: Final = Description(
    "database_up",
    "Whether the database answers. Where it does not, no other metric is there.",
    "1 or 0",
    alert="== 0 for 1m",
)
EVENTS: Final = Description(
    "events",
    f"Events by state: all that are unfinished, and the finished among the newest {NEWEST}.",
    "events",
    "state",
    "the states of an event",
    '{state="parked"} > 0',
)
OLDEST_UNFINISHED: Final = Description(
    "oldest_unfinished_event_seconds",
    "Age of the oldest event that is not finished nor parked.",
    "seconds",
    alert="> 120",
)
WORKERS_ALIVE: Final = Description(
    "workers_alive", "Worker processes whose heart beats.", "processes", alert="== 0 for 1m"
)
DEPRECATION_DAYS_LEFT: Final = Description(
    "deprecation_days_left",
    "Days until ProQuant stops sending a version; negative after that day.",
    "days",
    "version",
    "versions of the protocol that ProQuant has called deprecated",
    "< 30",
)
ALERTS_OPEN: Final = Description(
    "alerts_open",
    "Alerts whose cause still stands, by kind.",
    "alerts",
    "kind",
    "`parked`, `drift`, `deprecation`",
    "> 0",
)
DELIVERIES: Final = Description(
    "deliveries",
    "Alerts on their way to a channel, or given up.",
    "messages",
    "state",
    "`pending`, `failed`",
    'delta({state="failed"}[1h]) > 0',
)

DESCRIPTIONS: Final = (
    DATABASE_UP,
    EVENTS,
    OLDEST_UNFINISHED,
    WORKERS_ALIVE,
    DEPRECATION_DAYS_LEFT,
    ALERTS_OPEN,
    DELIVERIES,
)
