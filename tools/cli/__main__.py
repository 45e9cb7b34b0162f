"""Lets `python -m tools.cli` do what `proquant-bridge` does."""

from tools.cli import main

main(prog_name="proquant-bridge")
