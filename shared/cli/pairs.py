"""Settings of a broker as they stand on a command line: KEY=VALUE, repeated."""

from collections.abc import Mapping, Sequence

import click


def settings_of(pairs: Sequence[str]) -> Mapping[str, str]:
    """Raises BadParameter that never shows a value: it may be a secret."""
    chosen: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise click.BadParameter("each must have the form KEY=VALUE.", param_hint="--setting")
        if key in chosen:
            raise click.BadParameter(f"{key} is given twice.", param_hint="--setting")
        chosen[key] = value
    return chosen
