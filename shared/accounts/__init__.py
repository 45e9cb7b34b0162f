"""Accounts with their secrets, instruments and integrations."""
