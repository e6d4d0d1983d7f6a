"""``argosy config list|get|set|unset|path``."""

from __future__ import annotations

from typing import Any

import click

from argosy import config as stored
from argosy.cli import document, settings, table
from argosy.cli.face import current, faced
from argosy.core.redact import redacted_proxy


@click.group()
def config() -> None:
    """Show or change the settings.

    A flag wins over ARGOSY_… in the environment, which wins over the file, which wins over the default.
    """


@config.command("list")
@click.option("--show-origin", is_flag=True, help="Say where each value comes from.")
@faced
def list_(*, show_origin: bool) -> int:
    """List every setting with its value."""
    face = current(click.get_current_context())
    loaded = stored.load()
    if face.json:
        shown = {
            name: {"value": _shown(name, value), "origin": loaded.origins[name]}
            for name, value in loaded.values.items()
        }
        face.say(document.document("config/1", settings=shown, file=str(loaded.home.config_file)))
        return 0
    rows = [
        (name, _in_words(_shown(name, loaded[name])), *((loaded.origins[name],) if show_origin else ()), setting.about)
        for name, setting in stored.SETTINGS.items()
    ]
    head = ("SETTING", "VALUE", *(("ORIGIN",) if show_origin else ()), "MEANING")
    table.show(face, head, rows, stretch=len(head) - 1)
    return 0


@config.command()
@click.argument("name")
@faced
def get(name: str) -> int:
    """Print a setting's value."""
    face = current(click.get_current_context())
    setting, loaded = settings.known(name), stored.load()
    value, origin = loaded[setting.name], loaded.origins[setting.name]
    if face.json:
        face.say(document.document("setting/1", name=setting.name, value=value, origin=origin))
    else:
        face.say(_in_words(value))
    return 0


@config.command("set", context_settings={"ignore_unknown_options": True})  # -1 is a value, if not a good one
@click.argument("name")
@click.argument("value")
@faced
def set_(name: str, value: str) -> int:
    """Set a setting in the file; the rest of the file stays as it is."""
    return _changed(settings.known(name).name, value)


@config.command()
@click.argument("name")
@faced
def unset(name: str) -> int:
    """Take a setting out of the file: the default holds again."""
    return _changed(settings.known(name).name, None)


@config.command()
@faced
def path() -> int:
    """Print where the settings, the database and the log are."""
    face = current(click.get_current_context())
    home = stored.home()
    places = {"config": home.config_file, "database": home.database, "log": home.log_file}
    if face.json:
        face.say(document.document("paths/1", **{name: str(place) for name, place in places.items()}))
        return 0
    for name, place in places.items():
        face.say(f"{name:<10}{place}")
    return 0


def _changed(name: str, text: str | None) -> int:
    face = current(click.get_current_context())
    file = settings.change(name, None if text is None else settings.value_of(name, text))
    loaded = stored.load()
    if loaded.origins[name] not in (str(file), "default"):
        face.note(
            f"{loaded.origins[name]} in the environment still wins: {name} = {_in_words(_shown(name, loaded[name]))}"
        )
    if face.json:
        face.say(
            document.document("setting/1", name=name, value=_shown(name, loaded[name]), origin=loaded.origins[name])
        )
    return 0


def _shown(name: str, value: Any) -> Any:
    return redacted_proxy(value) if name == "proxy" else value


def _in_words(value: Any) -> str:
    return {True: "yes", False: "no", "": "-"}.get(value, str(value)) if isinstance(value, bool | str) else str(value)
