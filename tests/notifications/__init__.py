"""Telling people: rules, deliveries, channels that fail and hang, and what receipts say of it."""
