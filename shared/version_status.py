"""What ProQuant says of one protocol version (guide, "Versioning"). Values only."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """What one body says of one version. `odd` = there is a deprecation, but it is no date that we can read."""

    version: str
    supported: bool
    deprecation: datetime | None
    odd: bool = False
