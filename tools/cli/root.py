"""The command `proquant-bridge` itself: finds the subcommands, and turns our own errors into one clear line."""

from importlib import import_module

import click

from shared.errors import BridgeError

COMMANDS = {
    "accounts": "Create, list, pause and resume accounts, and rotate their tokens.",
    "alerts": "What a person should know.",
    "broker": "Try a broker against the contract, and serve the paper broker over HTTP.",
    "doctor": "Check every dependency and setting, and say what to mend.",
    "events": "The events that ProQuant has sent, and their receipts.",
    "instruments": "What an account can trade.",
    "integrations": "Ask ProQuant's users to connect their strategies to an account.",
    "migrate": "Bring the database to the newest schema.",
    "orders": "The orders that events have led to.",
    "positions": "What each strategy holds, and held.",
    "reconcile": "Compare what the ledger and the broker of an account hold.",
    "send": "Post an event to a running receiver, as ProQuant does.",
    "simulator": "Run a stand-in for ProQuant, which has no sandbox.",
}
"""Name -> short help. Said here once more, so that `--help` need not load them all."""


class LazyGroup(click.Group):
    """Loads the module of a subcommand when that one is used: the database layer alone takes a third of a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"tools.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BridgeError as error:
            raise click.ClickException(str(error)) from error


@click.group(name="proquant-bridge", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="proquant-bridge")
def main() -> None:
    """Executes ProQuant strategy signals at a broker, exactly once and in order.

    Run it in the project's folder: it finds the services of `make run` by itself. In production it takes DATABASE_URL
    and the other settings from the environment.

    Exit code 0: it is done. 1: it is not, and the last line on standard error says why. 2: the command line cannot be
    read. Commands that tell more by their exit code say so.
    """
