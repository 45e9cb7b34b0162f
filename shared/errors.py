"""The errors that this project raises on its own account. One base class; each message names what is wrong."""


class BridgeError(Exception):
    """Something that the bridge itself has to say, in words that a stranger understands."""


class ConfigurationError(BridgeError):
    """A setting is missing or odd; nothing was started."""


class LeaseLost(BridgeError):
    """Another worker has taken this strategy over: nothing may be written or sent on its behalf any more."""


class IllegalTransition(BridgeError):
    """A state was asked to change in a way that its state graph does not allow."""


class UnknownAccount(BridgeError):
    """There is no account of this name."""


class AccountExists(BridgeError):
    """There is an account of this name already."""
