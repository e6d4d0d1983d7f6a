"""The life of a task: one table, and one function that decides.

::

    pending ──► scheduled ──► running ──► completing ──► completed
       ▲            │          │  │ ▲                        (final)
       │            ▼          │  ▼ └── retrying ◄── (failed, may try again)
    paused ◄───── pausing ◄────┘  failed, cancelled ──► pending (a person asks)

The rules:

* A task has exactly one status, and changes it only along :data:`TRANSITIONS`.
* :func:`decide` is total: for every status and trigger it returns a change, "nothing to do", or one typed refusal.
  It has no memory and does nothing; the router commits what it returns, then tells, then carries out the effects.
* What a person asks of a task that a worker holds is carried out when the worker lets go (``want``). The last word
  counts, except that cancel and remove cannot be taken back.
* A repeat is not an error: pausing a paused task changes nothing.
* An attempt that made progress resets the count of attempts, so a long download over a bad line never "runs out".

Here are the table of transitions (``table``), all that can happen to a task (``trigger``), and what each of these does to it
(``rule``): when a person asks (``request``), and when the scheduler or a worker reports (``report``). The ``move`` they share
leads to a ``decision``. May not live here: anything that does what was decided.
"""

from argosy.core.lifecycle.decision import Changed, Decision, Discard, Effect, Illegal, Launch, Signal, Stop, Unchanged
from argosy.core.lifecycle.move import DISK_RECHECK_S, OFFLINE_RECHECK_S
from argosy.core.lifecycle.rule import decide
from argosy.core.lifecycle.table import TRANSITIONS
from argosy.core.lifecycle.trigger import (
    AttemptFailed,
    Began,
    Cancel,
    Claimed,
    Finished,
    Finishing,
    LeaseLost,
    Pause,
    Prioritise,
    Remove,
    Respec,
    Resume,
    Retry,
    Stopped,
    Trigger,
    UserTrigger,
    WorkerTrigger,
)

__all__ = [
    "DISK_RECHECK_S",
    "OFFLINE_RECHECK_S",
    "TRANSITIONS",
    "AttemptFailed",
    "Began",
    "Cancel",
    "Changed",
    "Claimed",
    "Decision",
    "Discard",
    "Effect",
    "Finished",
    "Finishing",
    "Illegal",
    "Launch",
    "LeaseLost",
    "Pause",
    "Prioritise",
    "Remove",
    "Respec",
    "Resume",
    "Retry",
    "Signal",
    "Stop",
    "Stopped",
    "Trigger",
    "Unchanged",
    "UserTrigger",
    "WorkerTrigger",
    "decide",
]
