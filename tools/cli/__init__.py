"""The command line `proquant-bridge`: what an operator does, and what scripts do in an operator's place."""

from tools.cli.root import main

__all__ = ["main"]
