"""Writes docs/reference/commands.md from the tree of commands that click has."""

from collections.abc import Iterator

import click

from tests.architecture.reference import markdown
from tools.cli.root import main

NAME = "proquant-bridge"


def page() -> str:
    """The whole page."""
    lines = markdown.generated("Commands", "the command line's own help", markdown.prose(main.help))
    lines += markdown.table(("command", "what it does"), _overview())
    for path, command in commands():
        lines += [f"## {path}", "", f"    {_usage(path, command)}", "", markdown.prose(command.help), ""]
        options = [*_options(path, command)]
        if options:
            lines += markdown.table(("option", "meaning"), options)
    return "\n".join(lines)


def commands(group: click.Group = main, path: str = NAME) -> Iterator[tuple[str, click.Command]]:
    """Every command that is no group, with the words that call it."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, f"{path} lists {name}, and has no such command"
            if isinstance(command, click.Group):
                yield from commands(command, f"{path} {name}")
            else:
                yield f"{path} {name}", command


def _overview() -> Iterator[tuple[str, str]]:
    for path, command in commands():
        link = path.replace(" ", "-")
        yield f"[`{path.removeprefix(f'{NAME} ')}`](#{link})", markdown.prose(command.help).split("\n\n")[0]


def _usage(path: str, command: click.Command) -> str:
    return " ".join([path, *command.collect_usage_pieces(click.Context(command))])


def _options(path: str, command: click.Command) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=path, **command.context_settings)
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            said, meaning = record
            assert meaning, f"{path} {said} has no help"
            assert not meaning.startswith("["), f"{path} {said} has no help"
            yield f"`{said}`", meaning.replace("  [", " [")
