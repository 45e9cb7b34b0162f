"""Lets `python -m shared.cli` do what `proquant-bridge` does."""

from shared.cli import main

main(prog_name="proquant-bridge")
