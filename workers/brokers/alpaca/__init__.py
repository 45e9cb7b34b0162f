"""Alpaca: US stocks and long-only crypto through its Trading API."""
