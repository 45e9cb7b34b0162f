"""Tries an adapter against its real far end: the cases of the broker contract that are safe on a live account."""
