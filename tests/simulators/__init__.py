"""Brokers on loopback: small, stateful, and as wrong as a test wants them to be."""
