"""Finding the verb somebody meant, running it, and turning whatever goes wrong into words and an exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from argosy.cli import face, trouble
from argosy.cli.verbs import MODULES, PROGRAM, SUMMARIES, overview
from argosy.errors import ArgosyError

EXIT_BROKEN_PIPE = 141
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "auto_envvar_prefix": None}


class Verbs(click.Group):
    """The verbs of the table; a verb's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = MODULES.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(f"argosy.cli.{module}"), cmd_name)
        command.short_help = SUMMARIES[cmd_name]
        return command

    def get_help(self, ctx: click.Context) -> str:
        return overview()


root = Verbs(PROGRAM, context_settings=CONTEXT, add_help_option=True, no_args_is_help=False)


def run(words: list[str]) -> int:
    """Run one command and return its exit code; nothing is raised."""
    try:
        return _outcome(words)
    except KeyboardInterrupt:
        print(file=sys.stderr)  # noqa: T201 - the shell's next prompt starts on a line of its own
        return trouble.EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the one exit that click itself takes is that of a broken pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE


def _outcome(words: list[str]) -> int:
    try:
        result = root.main(_with_verb(words), PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as help_:
        click.echo(help_.ctx.get_help(), err=True)
        return help_.exit_code
    except click.Abort:
        return trouble.EXIT_INTERRUPTED
    except click.ClickException as error:
        return trouble.tell(trouble.of_click(error), face.from_words(words))
    except ArgosyError as error:
        return trouble.tell(error, face.from_words(words))
    except BrokenPipeError:
        raise
    except OSError as error:
        return trouble.tell(trouble.of_system(error), face.from_words(words))
    except Exception as error:  # noqa: BLE001 - the last line of defence: people see words, not a traceback
        return trouble.tell(trouble.unforeseen(error), face.from_words(words))
    return result if isinstance(result, int) else 0


def _with_verb(words: list[str]) -> list[str]:
    """Return ``words`` with the verb that was meant in front: URLs alone, or options of ``get``, mean ``get``."""
    if not words:
        return words
    first = words[0]
    if first == "help":
        return [*words[1:2], "--help"]
    if first in ("--version", "-V"):
        return ["version"]
    if first in MODULES or first in ("-h", "--help"):
        return words
    if first.startswith("-") or "://" in first:
        return ["get", *words]
    raise _unknown(first)


def _unknown(word: str) -> click.UsageError:
    from difflib import get_close_matches  # noqa: PLC0415 - only for a typing error

    near = get_close_matches(word, MODULES, n=3, cutoff=0.6)
    if near:
        hint = "did you mean " + " or ".join(f"'{PROGRAM} {verb}'" for verb in near) + "?"
    elif "." in word and not word.startswith("."):
        hint = f"a URL begins with its scheme: {PROGRAM} get https://{word}"
    else:
        hint = f"'{PROGRAM} --help' lists the verbs"
    return trouble.usage(f"there is no verb '{word}'", hint)
