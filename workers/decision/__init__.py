"""Decides what an event needs next. Pure."""
