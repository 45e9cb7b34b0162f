"""What can be wrong with a webhook's body. Each message is one sentence that names the place and echoes no content."""

from shared.errors import BridgeError


class MalformedBody(BridgeError):
    """The body is not JSON that we accept, or a field of the event is missing or odd."""


class UnsupportedVersion(BridgeError):
    """The body is well-formed, but holds the event only in protocol versions that we do not know."""

    def __init__(self, versions: tuple[str, ...]) -> None:
        super().__init__(f"body: holds only protocol versions that are not supported ({', '.join(versions)})")
        self.versions = versions
