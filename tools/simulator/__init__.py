"""A stand-in for ProQuant, which has no sandbox: its integrations API, its webhooks, and what a phone shows."""
