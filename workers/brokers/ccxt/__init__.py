"""Perpetual contracts at other exchanges, through the library ccxt (an extra: proquant-bridge[ccxt])."""
