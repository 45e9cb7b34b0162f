"""The HTTP side: authenticate, check, store, ring, wait a bounded time, answer. Never imports workers."""
