"""`proquant-bridge simulator`: a ProQuant to test against, with a page in the browser."""

from datetime import datetime
from pathlib import Path

import click


@click.command("simulator", context_settings={"auto_envvar_prefix": "SIMULATOR", "show_default": True})
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8090, help="The port of the page and of the API.")
@click.option("--allow-remote", is_flag=True, help="Let other machines in. There is no password.")
@click.option("--seed", type=int, default=1, help="Decides who is doubled, held back or delayed.")
@click.option("--duplicates", type=click.FloatRange(0, 1), default=0.0, help="The share of events that are sent twice.")
@click.option("--reordering", type=click.FloatRange(0, 1), default=0.0, help="The share that the next event overtakes.")
@click.option("--retries", is_flag=True, help="Send again after an answer of 5xx, or none.")
@click.option("--delay", type=click.FloatRange(0, 30), default=0.0, help="Seconds before an event, on average.")
@click.option(
    "--versions",
    type=click.Choice(["v1", "v1+v2", "v2"]),
    default="v1",
    help="The versions of the protocol in each event.",
)
@click.option("--deprecated", type=click.DateTime(["%Y-%m-%d"]), help="The date from which v1 is deprecated.")
@click.option(
    "--keep", type=click.Path(dir_okay=False, path_type=Path), help="A file to keep integrations and strategies in."
)
def command(
    host: str,
    port: int,
    allow_remote: bool,
    seed: int,
    duplicates: float,
    reordering: float,
    retries: bool,
    delay: float,
    versions: str,
    deprecated: datetime | None,
    keep: Path | None,
) -> None:
    """Run a stand-in for ProQuant, which has no sandbox.

    Its page approves integration requests, gives signals, and shows what the user's phone would show. Point a bridge
    to it with BRIDGE_PROQUANT_API_URL=http://127.0.0.1:8090/api/integrations/v1/integrations, or use `make demo`.
    """
    from tools.simulator.server import serve
    from tools.simulator.settings import environment

    chosen = environment(
        seed=seed,
        allow_remote=allow_remote,
        duplicates=duplicates,
        reordering=reordering,
        retries=retries,
        delay=delay,
        versions=versions,
        deprecated=deprecated.date() if deprecated else None,
        keep=keep.resolve() if keep else None,
    )
    click.echo(f"The simulator's page is at http://{host}:{port}/  (Ctrl-C stops it)")
    serve(host, port, allow_remote, chosen)
