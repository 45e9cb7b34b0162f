"""OANDA: the v20 REST API, for hedging and netting accounts; see docs/brokers/oanda.md."""
