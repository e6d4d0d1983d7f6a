"""``argosy completion``: the scripts that make a shell complete verbs, options and ids."""

from __future__ import annotations

import os
import sys

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from argosy.cli.face import current
from argosy.cli.options import verb
from argosy.cli.verbs import PROGRAM

VARIABLE = "_ARGOSY_COMPLETE"
SHELLS = ("bash", "zsh", "fish", "powershell")
INSTALL = {
    "bash": "argosy completion bash > ~/.local/share/bash-completion/completions/argosy",
    "zsh": 'argosy completion zsh > "${fpath[1]}/_argosy"',
    "fish": "argosy completion fish > ~/.config/fish/completions/argosy.fish",
    "powershell": "argosy completion powershell | Out-String | Invoke-Expression   (in $PROFILE)",
}


class PowerShell(ShellComplete):
    """What click does not bring: each candidate is a line ``value TAB help``."""

    name = "powershell"
    source_template = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $env:%(complete_var)s = 'powershell_complete'
    $env:ARGOSY_WORDS = $commandAst.ToString()
    $env:ARGOSY_WORD = $wordToComplete
    try {
        %(prog_name)s | ForEach-Object {
            $value, $help = $_ -split "`t", 2
            if (-not $help) { $help = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
        }
    } finally {
        Remove-Item Env:%(complete_var)s, Env:ARGOSY_WORDS, Env:ARGOSY_WORD -ErrorAction SilentlyContinue
    }
}
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        incomplete = os.environ.get("ARGOSY_WORD", "")
        words = split_arg_string(os.environ.get("ARGOSY_WORDS", ""))[1:]
        if incomplete and words and words[-1] == incomplete:
            words.pop()
        return words, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        return f"{item.value}\t{item.help or ''}"


@verb()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """Print the completion script of a shell."""
    face = current(click.get_current_context())
    kind = get_completion_class(shell)
    assert kind is not None
    source = click.get_current_context().find_root().command
    face.say(kind(source, {}, PROGRAM, VARIABLE).source())
    if sys.stdout.isatty():
        face.note(f"to install it: {INSTALL[shell]}")
    return 0


add_completion_class(PowerShell)
