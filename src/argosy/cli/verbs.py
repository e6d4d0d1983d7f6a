"""What verbs there are, and the overview that ``argosy --help`` prints. Imports nothing, so that help is instant."""

from __future__ import annotations

PROGRAM = "argosy"

VERBS: dict[str, dict[str, tuple[str, str]]] = {
    "Download": {
        "get": ("get", "Fetch URLs now and print where each file is"),
        "ensure": ("ensure", "Print where something is, fetching it only if it is not here"),
        "models": ("models", "List the models of the catalogue, and fetch what is missing"),
        "update": ("update", "Bring what has changed of a dataset or bucket"),
        "add": ("add", "Put URLs in the queue and print their ids"),
        "export": ("export", "Print tasks as a list that 'add -i' reads again"),
        "probe": ("probe", "Say what a download would be, without making one"),
        "run": ("work", "Work the queue here until it is empty"),
    },
    "Look": {
        "ls": ("ls", "List the tasks that are not done"),
        "show": ("show", "Show all about a task, and its files"),
        "why": ("why", "Say why a task is not moving"),
        "watch": ("watch", "Follow tasks live, whoever runs them"),
        "wait": ("wait", "Return once tasks have ended"),
        "history": ("history", "List what ended, or all that happened to a task"),
    },
    "Steer": {
        "pause": ("control", "Stop tasks for now and keep what they have"),
        "resume": ("control", "Let paused tasks go on, ahead of the others"),
        "start": ("control", "Start waiting tasks now, without their backoff"),
        "cancel": ("control", "Give tasks up and drop their partial files"),
        "finish": ("control", "Let recordings be complete with what there is"),
        "retry": ("control", "Try failed or cancelled tasks again"),
        "move": ("move", "Change which task goes first"),
        "rm": ("rm", "Take tasks off the list, with their files if asked"),
        "limits": ("limits", "Show or set what may happen at once, and how fast"),
    },
    "Serve": {
        "serve": ("serve", "Serve the runtime over HTTP until stopped"),
        "token": ("token", "Print the token that opens the service"),
        "login": ("login", "Ask a service on another machine from now on"),
        "logout": ("login", "Ask this machine again"),
    },
    "Check": {
        "verify": ("verify", "Read finished files back, and repair them if asked"),
        "doctor": ("doctor", "Look for what could go wrong on this machine"),
    },
    "Set up": {
        "config": ("config", "Show or change the settings"),
        "completion": ("completion", "Print the completion script of a shell"),
        "version": ("version", "Print the version"),
    },
}
"""By section: the verb, its module in this package, and what it does in one line."""

MODULES = {verb: module for section in VERBS.values() for verb, (module, _) in section.items()}
SUMMARIES = {verb: summary for section in VERBS.values() for verb, (_, summary) in section.items()}

EXIT_CODES = (
    (0, "all is well"),
    (1, "several failed, for different reasons, or something nobody foresaw"),
    (2, "what was asked makes no sense"),
    (3, "network: DNS, connection, TLS, timeout"),
    (4, "the server wants other credentials (401, 403, 407)"),
    (5, "the server refused, or its answer made no sense"),
    (6, "this machine: disk full, permissions, a file in the way"),
    (7, "the bytes are not the promised ones"),
    (8, "the database, or the service that was asked, cannot be used"),
    (9, "stopped with unfinished downloads; they can go on"),
    (124, "--max-time or --timeout is over"),
    (130, "Ctrl-C; what is there is kept"),
    (143, "SIGTERM; what is there is kept"),
)

_HEAD = """\
Usage: argosy VERB [OPTIONS] …
       argosy [OPTIONS] URL…        the same as: argosy get [OPTIONS] URL…

Downloads that arrive whole, whatever dies on the way. The same command again goes on where it stopped.
"""

_EXAMPLES = """\
Examples:
  argosy https://example.org/big.iso             fetch it into this folder
  argosy get -x16 --checksum sha256:9f86… URL    16 connections, and proof
  argosy get -i list.txt -d data -j4             a list of URLs, four at a time
  argosy add URL && argosy run                   queue it, then work the queue
  argosy ls; argosy why 3f2a; argosy pause 3f    an id may be shortened
"""


def overview() -> str:
    """Return what ``argosy --help`` says."""
    width = max(map(len, MODULES)) + 2
    sections = [
        f"{section}:\n" + "\n".join(f"  {verb:<{width}}{summary}" for verb, (_, summary) in verbs.items()) + "\n"
        for section, verbs in VERBS.items()
    ]
    codes = "Exit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES) + "\n"
    return "\n".join([_HEAD, *sections, _EXAMPLES, codes, "'argosy VERB --help' tells all about a verb."])
