"""Who goes next, and why the others wait."""

from __future__ import annotations

import timeit
from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.core.explain import Reason, explain
from argosy.core.limits import Limits
from argosy.core.schedule import STEPS_PER_QUEUE, Candidate, Plan, Running, Situation, closed_hosts, plan
from argosy.core.types import Progress, Queue, Status, Task, TaskSpec, TransferOptions, Want
from argosy.errors import Failure

NOW = 1_000_000.0
WEDNESDAY = datetime(2026, 11, 4, 20, 30)
QUIET = Situation(NOW, WEDNESDAY)


def waits(
    name: str, *, queue: Queue = Queue.AUTOMATIC, priority: int = 0, rank: float = 0.0, waited: float = 0.0,
    host: str = "a:80", directory: str = "/d", due: float | None = None,
) -> Candidate:  # fmt: skip
    """Return a task that has been waiting for ``waited`` seconds."""
    status = Status.RETRYING if queue is Queue.RETRY else Status.PENDING
    return Candidate(name, 1, status, queue, priority, rank, NOW - waited, host, directory, due)


def runs(name: str, *, host: str = "a:80", connections: int = 1) -> Running:
    return Running(name, host, "/d", connections, Queue.AUTOMATIC)


def finishes(name: str, *, host: str = "a:80", connections: int = 0) -> Running:
    return replace(runs(name, host=host, connections=connections), finishing=True)


def names(made: Plan) -> list[str]:
    return [task.id for task in made.picks]


def order(*candidates: Candidate, limits: Limits | None = None) -> list[str]:
    """Return the names in the order in which an empty runtime would start them all."""
    return names(plan(candidates, (), limits or Limits(max_running=99, connections_per_host=99), QUIET))


# -- the order -----------------------------------------------------------------------------------------


def test_what_a_person_just_asked_for_goes_before_the_backlog_and_that_before_retries() -> None:
    retry, backlog, asked = (
        waits("retry", queue=Queue.RETRY, priority=5),
        waits("backlog", priority=5),
        waits("asked", queue=Queue.INTERACTIVE),
    )
    assert order(retry, backlog, asked) == ["asked", "backlog", "retry"]


def test_within_a_queue_the_higher_priority_goes_first_then_the_lower_rank_then_the_older_then_the_id() -> None:
    urgent = waits("urgent", priority=1)
    top = waits("top", rank=-1.0)
    old, new, newer = waits("old", waited=9.0), waits("b"), waits("c")
    assert order(newer, new, old, top, urgent) == ["urgent", "top", "old", "b", "c"]


def test_a_step_of_waiting_is_worth_a_step_of_priority() -> None:
    limits = Limits(max_running=9, ageing_s=100.0)
    assert order(waits("old", waited=199.0), waits("new", priority=2), limits=limits) == ["new", "old"]
    assert order(waits("old", waited=300.0), waits("new", priority=2), limits=limits) == ["old", "new"]


def test_six_steps_lift_a_task_into_the_next_queue_and_are_spent_by_the_climb() -> None:
    limits = Limits(max_running=9, ageing_s=100.0)
    asked = waits("asked", queue=Queue.INTERACTIVE, waited=50.0)
    assert order(waits("backlog", waited=599.0), asked, limits=limits) == ["asked", "backlog"]
    assert order(waits("backlog", waited=600.0), asked, limits=limits) == ["backlog", "asked"]  # equals: the older
    assert order(waits("backlog", waited=600.0), replace(asked, priority=1), limits=limits) == ["asked", "backlog"]


def test_the_time_before_a_task_may_start_is_no_waiting() -> None:
    limits = Limits(max_running=9, ageing_s=100.0)
    scheduled = waits("scheduled", waited=900.0, due=NOW - 10.0)
    assert order(scheduled, waits("fresh", priority=1), limits=limits) == ["fresh", "scheduled"]


def test_without_ageing_nothing_ever_rises() -> None:
    limits = Limits(max_running=9, ageing_s=0.0)
    assert order(waits("old", waited=1e9), waits("new", priority=1), limits=limits) == ["new", "old"]


def test_ten_thousand_tasks_of_one_host_do_not_block_five_of_another() -> None:
    crowd = [waits(f"crowd{index:05}", waited=60.0) for index in range(10_000)]
    few = [waits(f"few{index}", host="b:80") for index in range(5)]
    first = names(plan(crowd + few, (), Limits(max_running=10, connections_per_host=99), QUIET))
    assert first == [name for index in range(5) for name in (f"crowd{index:05}", f"few{index}")]


def test_turns_count_what_already_runs_of_a_host() -> None:
    made = plan(
        [waits("a1"), waits("a2"), waits("b1", host="b:80"), waits("b2", host="b:80")],
        [runs("x"), runs("y")],
        Limits(max_running=5),
        QUIET,
    )
    assert names(made) == ["b1", "b2", "a1"]


def test_a_task_moved_to_the_top_does_not_take_turns() -> None:
    assert order(waits("b", host="b:80"), waits("top1", rank=-2.0), waits("top2", rank=-1.0)) == ["top1", "top2", "b"]


# -- the limits ----------------------------------------------------------------------------------------


def test_only_free_slots_are_filled_and_none_when_there_are_more_running_than_allowed() -> None:
    three = [waits("a"), waits("b"), waits("c")]
    assert names(plan(three, [runs("x")], Limits(max_running=3), QUIET)) == ["a", "b"]
    assert names(plan(three, [runs("x"), runs("y")], Limits(max_running=1), QUIET)) == []


def test_a_paused_task_keeps_its_slot_only_if_the_person_wants_that() -> None:
    paused = replace(QUIET, paused_slots=1)
    three = [waits("a"), waits("b"), waits("c")]
    assert names(plan(three, (), Limits(max_running=2), paused)) == ["a", "b"]
    assert names(plan(three, (), Limits(max_running=2, hold_slot_while_paused=True), paused)) == ["a"]


def test_a_host_with_all_its_connections_in_use_gets_no_further_task() -> None:
    limits = Limits(max_running=9, connections_per_host=16)
    both = [waits("a"), waits("b", host="b:80")]
    assert names(plan(both, [runs("x", connections=16)], limits, QUIET)) == ["b"]
    assert names(plan(both, [runs("x", connections=15)], limits, QUIET)) == ["b", "a"]


def test_a_task_about_to_open_its_first_connection_counts_as_one() -> None:
    limits = Limits(max_running=9, connections_per_host=2)
    assert names(plan([waits("a"), waits("b")], [runs("x", connections=0)], limits, QUIET)) == ["a"]


def test_a_task_whose_host_is_not_known_yet_is_held_by_no_host_limit() -> None:
    unknown = [waits(f"u{index}", host="") for index in range(5)]
    assert len(plan(unknown, (), Limits(max_running=9, connections_per_host=1), QUIET).picks) == 5


def test_outside_the_window_nothing_starts_and_the_plan_says_when_it_opens() -> None:
    made = plan([waits("a")], (), Limits(window="22:00-07:00"), QUIET)
    assert made == Plan((), NOW + 90 * 60)


def test_inside_the_window_tasks_start() -> None:
    assert names(plan([waits("a")], (), Limits(window="20:30-07:00"), QUIET)) == ["a"]


def test_a_host_that_asked_for_rest_is_left_alone_and_the_plan_wakes_when_the_first_rest_ends() -> None:
    resting = replace(QUIET, cooling={"a:80": NOW + 60, "b:80": NOW + 30, "c:80": NOW, "unused:80": NOW + 5})
    made = plan([waits("a"), waits("b", host="b:80"), waits("c", host="c:80")], (), Limits(), resting)
    assert (names(made), made.wake_at) == (["c"], NOW + 30)


def test_a_host_that_fails_is_left_alone_and_then_tried_by_one_task_at_a_time() -> None:
    many = [waits(f"a{index}") for index in range(3)] + [waits("b", host="b:80")]
    limits = Limits(max_running=9)
    alone = replace(QUIET, failing={"a:80": NOW + 5})
    assert (plan(many, (), limits, alone).wake_at, names(plan(many, (), limits, alone))) == (NOW + 5, ["b"])
    tried = replace(QUIET, failing={"a:80": NOW})
    assert names(plan(many, (), limits, tried)) == ["a0", "b"]
    assert names(plan(many, [runs("trial", connections=0)], limits, tried)) == ["b"]


def test_the_store_is_not_asked_for_tasks_of_hosts_of_which_none_may_start() -> None:
    situation = replace(
        QUIET, cooling={"cools:80": NOW + 1, "cooled:80": NOW}, failing={"fails:80": NOW + 1, "idle:80": NOW, "tried:80": NOW}
    )  # fmt: skip
    running = [runs("x", connections=16), runs("y", host="tried:80"), runs("z", host="")]
    assert closed_hosts(running, Limits(), situation) == {"a:80", "cools:80", "fails:80", "tried:80"}


def test_a_task_that_is_not_due_waits_and_the_plan_wakes_when_it_is() -> None:
    made = plan([waits("later", due=NOW + 12), waits("due", due=NOW)], (), Limits(), QUIET)
    assert (names(made), made.wake_at) == (["due"], NOW + 12)


def test_a_full_disk_stops_only_the_tasks_that_go_there_and_no_clock_wakes_them() -> None:
    full = replace(QUIET, full_directories=frozenset({"/full"}))
    made = plan([waits("a", directory="/full"), waits("b")], (), Limits(), full)
    assert (names(made), made.wake_at) == (["b"], None)


# -- what always holds ---------------------------------------------------------------------------------

hosts = st.sampled_from(["", "a:80", "b:80", "c:80"])
directories = st.sampled_from(["/d", "/e"])
candidate_lists = st.lists(
    st.builds(
        waits,
        st.uuids().map(str),
        queue=st.sampled_from(Queue),
        priority=st.integers(-3, 3),
        rank=st.sampled_from([-1.0, 0.0, 1.0]),
        waited=st.floats(-50, 20_000),
        host=hosts,
        directory=directories,
        due=st.none() | st.floats(NOW - 100, NOW + 100),
    ),
    max_size=12,
    unique_by=lambda task: task.id,
)
running_lists = st.lists(
    st.builds(runs, st.uuids().map(str), host=hosts, connections=st.integers(0, 4)),
    max_size=5,
    unique_by=lambda task: task.id,
)
some_limits = st.builds(
    Limits,
    max_running=st.integers(0, 8),
    connections_per_host=st.integers(1, 6),
    window=st.sampled_from(["", "22:00-07:00", "20:00-21:00"]),
    hold_slot_while_paused=st.booleans(),
    ageing_s=st.sampled_from([0.0, 60.0, 600.0]),
)
situations = st.builds(
    Situation,
    now=st.just(NOW),
    local=st.just(WEDNESDAY),
    paused_slots=st.integers(0, 3),
    cooling=st.dictionaries(hosts.filter(bool), st.floats(NOW - 50, NOW + 50)),
    failing=st.dictionaries(hosts.filter(bool), st.floats(NOW - 50, NOW + 50)),
    full_directories=st.frozensets(directories),
)


@given(candidate_lists, running_lists, some_limits, situations)
def test_no_plan_breaks_a_limit(
    candidates: list[Candidate], running: list[Running], limits: Limits, situation: Situation
) -> None:
    made = plan(candidates, running, limits, situation)
    held = situation.paused_slots if limits.hold_slot_while_paused else 0
    assert len(made.picks) <= max(0, limits.max_running - len(running) - held)
    assert len(set(names(made))) == len(made.picks)
    loads: Counter[str] = Counter()
    for each in running:
        loads[each.host] += max(1, each.connections)
    for task in made.picks:
        loads[task.host] += 1
        assert not task.host or loads[task.host] <= limits.connections_per_host
        assert task.due_at is None or task.due_at <= NOW
        assert situation.cooling.get(task.host, 0) <= NOW
        assert situation.failing.get(task.host, 0) <= NOW
        assert task.host not in situation.failing or loads[task.host] == 1
        assert task.host not in closed_hosts(running, limits, situation)
        assert task.directory not in situation.full_directories
    assert made.wake_at is None or made.wake_at > NOW


@given(candidate_lists, running_lists, some_limits, situations, st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_are_given_does_not_matter(
    candidates: list[Candidate], running: list[Running], limits: Limits, situation: Situation, chance: object
) -> None:
    shuffled = list(candidates)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan(shuffled, running, limits, situation) == plan(candidates, running, limits, situation)


@given(candidate_lists, running_lists, some_limits, situations)
def test_nothing_that_could_run_is_left_out_while_a_slot_is_free(
    candidates: list[Candidate], running: list[Running], limits: Limits, situation: Situation
) -> None:
    made = plan(candidates, running, limits, situation)
    started = [Running(task.id, task.host, task.directory, 1, task.queue) for task in made.picks]
    left = [task for task in candidates if task not in made.picks]
    assert plan(left, [*running, *started], limits, situation).picks == ()


@given(candidate_lists, running_lists, some_limits, situations)
def test_the_plan_wakes_when_time_alone_lets_another_task_start(
    candidates: list[Candidate], running: list[Running], limits: Limits, situation: Situation
) -> None:
    """Asking again sooner is in vain: the answer has as many picks."""
    limits = replace(limits, window="")
    made = plan(candidates, running, limits, situation)
    sooner = NOW + 1e6 if made.wake_at is None else (NOW + made.wake_at) / 2
    again = plan(candidates, running, limits, replace(situation, now=sooner))
    assert len(again.picks) == len(made.picks)


@settings(max_examples=60, deadline=None)
@given(
    queue=st.sampled_from(Queue),
    priority=st.integers(-2, 2),
    rank=st.sampled_from([0.0, 1e9]),
    same_host=st.booleans(),
    arrivals=st.integers(1, 3),
    backlog=st.integers(0, 10),
)
def test_every_task_starts_in_the_end_however_full_the_queue_before_it_is_kept(
    *, queue: Queue, priority: int, rank: float, same_host: bool, arrivals: int, backlog: int
) -> None:
    """One slot, a task done each second, and each second ``arrivals`` better tasks than the victim are added.

    Only what came before ``overtaken_until`` can pass the victim, and that is a number known in advance.
    """
    best = 2
    limits = Limits(max_running=1, ageing_s=1.0)
    host = "a:80" if same_host else "b:80"
    victim = replace(waits("victim", queue=queue, priority=priority, rank=rank, host=host), queued_at=NOW)
    rival = waits("rival", queue=Queue.INTERACTIVE, priority=best)
    overtaken_until = best - priority + STEPS_PER_QUEUE * queue + 1
    waiting = [victim, *(replace(rival, id=f"backlog{index}", queued_at=NOW) for index in range(backlog))]
    for second in range(overtaken_until + backlog + arrivals * (overtaken_until + 1) + 1):
        waiting += [replace(rival, id=f"{second}-{index}", queued_at=NOW + second) for index in range(arrivals)]
        [started] = plan(waiting, (), limits, replace(QUIET, now=NOW + second)).picks
        if started is victim:
            return
        waiting.remove(started)
    pytest.fail("the victim starved")


def test_two_hundred_candidates_are_planned_in_two_milliseconds() -> None:
    candidates = [
        waits(
            f"{index:032x}", queue=Queue(index % 3), priority=index % 5, waited=index * 37.0, host=f"h{index % 20}:80"
        )
        for index in range(200)
    ]
    limits = Limits(max_running=50, window="20:00-07:00")
    best = min(timeit.repeat(lambda: plan(candidates, (), limits, QUIET), number=1, repeat=20))
    assert best < 0.002


# -- explained -----------------------------------------------------------------------------------------

SPEC = TaskSpec("https://a/f", "/d", options=TransferOptions(limit_bps=512 * 1024))
TASK = Task("t" * 32, SPEC, NOW - 100, NOW - 100, host="a:80", queued_at=NOW - 100)
BUSY_503 = Failure("busy", "503 Service Unavailable", retryable=True, retry_after_s=12.0)
FULL = Failure("disk_full", "no space left")


def why(
    task: Task, *, running: list[Running] | None = None, limits: Limits | None = None, situation: Situation = QUIET,
    ahead: int | None = None, progress: Progress | None = None, throttled_by: str | None = None,
    silent_s: float = 0.0, session_alive: bool = True, served: bool = True,
) -> Reason:  # fmt: skip
    here = [Running(task.id, task.host, task.spec.directory, task.connections, task.queue)] if task.active else []
    return explain(
        task, running=here if running is None else running, limits=limits or Limits(), situation=situation, ahead=ahead,
        progress=progress, throttled_by=throttled_by, silent_s=silent_s, session_alive=session_alive, served=served,  # type: ignore[arg-type]
    )  # fmt: skip


def in_status(status: Status, **fields: object) -> Task:
    return replace(TASK, status=status, **fields)  # type: ignore[arg-type]


THREE = [runs("x"), runs("y", connections=15), runs("z", host="b:80")]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (why(TASK), Reason("ready", "about to start")),
        (why(TASK, ahead=2), Reason("ready", "about to start")),
        (why(TASK, ahead=3), Reason("turn", "waiting its turn; 3 tasks ahead")),
        (why(TASK, running=THREE), Reason("slot", "waiting for a slot: 3 of 3 busy")),
        (why(TASK, running=THREE, ahead=1), Reason("slot", "waiting for a slot: 3 of 3 busy; 1 task ahead")),
        (
            why(TASK, running=THREE, limits=Limits(4, hold_slot_while_paused=True), situation=replace(QUIET, paused_slots=1)),
            Reason("slot", "waiting for a slot: 4 of 4 busy (1 held by paused tasks)"),
        ),
        (
            why(TASK, running=THREE, limits=Limits(max_running=9)),
            Reason("host_limit", "waiting for a:80: 16 of 16 connections in use"),
        ),
        (
            why(in_status(Status.RETRYING, due_at=NOW + 12, attempt=2, error=BUSY_503)),
            Reason(
                "retry",
                "retry 2 of 5 in 12s after 503 Service Unavailable (busy); the server asked for that (Retry-After)",
                NOW + 12,
            ),
        ),
        (
            why(in_status(Status.RETRYING, due_at=NOW + 2, attempt=1, error=Failure("reset", "connection reset"))),
            Reason("retry", "retry 1 of 5 in 2s after connection reset (reset)", NOW + 2),
        ),
        (
            why(in_status(Status.RETRYING, due_at=NOW + 2, attempt=1)),
            Reason("retry", "retry 1 of 5 in 2s after an unknown error", NOW + 2),
        ),
        (why(in_status(Status.RETRYING, due_at=NOW - 1, error=BUSY_503)), Reason("ready", "about to start")),
        (
            why(in_status(Status.RETRYING, due_at=NOW + 30, error=FULL)),
            Reason("disk_full", "waiting for disk space in /d; looks again in 30s", NOW + 30),
        ),
        (
            why(in_status(Status.RETRYING, due_at=NOW + 10, error=Failure("offline", "no network"))),
            Reason("offline", "waiting for the network: this machine is offline; looks again in 10s", NOW + 10),
        ),
        (
            why(TASK, situation=replace(QUIET, full_directories=frozenset({"/d"}))),
            Reason("disk_full", "waiting for disk space in /d"),
        ),
        (
            why(replace(TASK, due_at=NOW + 5400)),
            Reason("start_time", "waiting for its start time at 22:00 (in 1h 30m)", NOW + 5400),
        ),
        (
            why(replace(TASK, due_at=NOW + 86_400)),
            Reason("start_time", "waiting for its start time at Thu 20:30 (in 1d 00h)", NOW + 86_400),
        ),
        (
            why(replace(TASK, due_at=NOW + 30 * 86_400)),
            Reason("start_time", "waiting for its start time at 2026-12-04 20:30 (in 30d 00h)", NOW + 30 * 86_400),
        ),
        (
            why(TASK, limits=Limits(window="22:00-07:00")),
            Reason("window", "waiting for the download window, which opens at 22:00 (in 1h 30m)", NOW + 5400),
        ),
        (
            why(TASK, situation=replace(QUIET, cooling={"a:80": NOW + 123})),
            Reason("host_cooling", "a:80 asked to be left alone until 20:32 (in 2m 03s)", NOW + 123),
        ),
        (why(TASK, situation=replace(QUIET, cooling={"a:80": NOW})), Reason("ready", "about to start")),
        (
            why(TASK, situation=replace(QUIET, failing={"a:80": NOW + 40})),
            Reason("host_failing", "a:80 fails every task and is left alone; tries again in 40s, with one task at first", NOW + 40),
        ),
        (
            why(TASK, running=[runs("x")], situation=replace(QUIET, failing={"a:80": NOW})),
            Reason("host_failing", "a:80 failed every task lately; another one tries it first"),
        ),
        (why(TASK, situation=replace(QUIET, failing={"a:80": NOW})), Reason("ready", "about to start")),
        (
            why(replace(TASK, session="s"), session_alive=False),
            Reason("session_gone", "waiting for a foreground command that is gone; run the queue to take it up"),
        ),
        (why(replace(TASK, session="s")), Reason("ready", "about to start")),
        (why(TASK, served=False), Reason("unserved", "nobody works the queue; 'argosy run' does, or 'argosy serve'")),
        (
            why(replace(TASK, due_at=NOW + 5400), served=False),
            Reason("start_time", "waiting for its start time at 22:00 (in 1h 30m)", NOW + 5400),
        ),
        (why(replace(TASK, session="s"), served=False), Reason("ready", "about to start")),
        (why(in_status(Status.PAUSED)), Reason("paused", "paused by you; resume makes it go on")),
        (
            why(in_status(Status.PAUSED, error=FULL)),
            Reason("paused", "paused by you; resume makes it go on (before that: no space left)"),
        ),
        (why(in_status(Status.COMPLETED)), Reason("completed", "complete")),
        (why(in_status(Status.CANCELLED)), Reason("cancelled", "cancelled by you; retry starts it again")),
        (
            why(in_status(Status.FAILED, error=Failure("refused", "404 Not Found", "check the link"))),
            Reason("failed", "failed: 404 Not Found (refused); check the link"),
        ),
        (why(in_status(Status.SCHEDULED)), Reason("starting", "starting; a worker has it")),
        (why(in_status(Status.PAUSING)), Reason("pausing", "pausing; its worker is making what it has durable")),
        (
            why(in_status(Status.PAUSING, want=Want.RESUME)),
            Reason("pausing", "pausing, and going on right after as you asked"),
        ),
        (
            why(in_status(Status.COMPLETING)),
            Reason("finishing", "finishing: every byte is here and is being moved into place"),
        ),
        (
            why(in_status(Status.RUNNING, want=Want.CANCEL)),
            Reason("cancelling", "being cancelled; its worker is letting go"),
        ),
        (
            why(in_status(Status.COMPLETING, want=Want.REMOVE)),
            Reason("removing", "being removed; its worker is letting go"),
        ),
        (why(in_status(Status.RUNNING)), Reason("running", "running: connecting to a:80")),
        (why(in_status(Status.RUNNING, host="")), Reason("running", "running: connecting to the server")),
        (
            why(in_status(Status.RUNNING, speed_bps=3.5 * 2**20, connections=1)),
            Reason("running", "running at 3.5 MiB/s over 1 connection"),
        ),
        (
            why(in_status(Status.RUNNING), progress=Progress(TASK.id, 5, 9, 1.0, 2**20, 123.0, connections=8)),
            Reason("running", "running at 1.0 MiB/s over 8 connections, 2m 03s left"),
        ),
        (
            why(in_status(Status.RUNNING), silent_s=31.0),
            Reason("stalled", "stalled for 31s: nothing comes from a:80"),
        ),
        (
            why(in_status(Status.RUNNING), throttled_by="global", limits=Limits(rate="22:00-07:00 off, else 2M")),
            Reason("throttled", "throttled to 2.0 MiB/s by the global limit"),
        ),
        (
            why(in_status(Status.RUNNING), throttled_by="host", limits=Limits(host_rates={"a": "1M"})),
            Reason("throttled", "throttled to 1.0 MiB/s by the host limit"),
        ),
        (
            why(in_status(Status.RUNNING, speed_bps=99.0), throttled_by="host"),
            Reason("throttled", "throttled to 99 B/s by the host limit"),
        ),
        (
            why(in_status(Status.RUNNING), throttled_by="task"),
            Reason("throttled", "throttled to 512.0 KiB/s by the task limit"),
        ),
        (
            why(in_status(Status.RUNNING, owner="w1", pid=4242, speed_bps=2**20, connections=2), running=[]),
            Reason("held", "held by another process (pid 4242): running at 1.0 MiB/s over 2 connections"),
        ),
        (
            why(in_status(Status.COMPLETING, owner="w1"), running=[]),
            Reason("held", "held by another process (w1): finishing: every byte is here and is being moved into place"),
        ),
    ],
    ids=lambda value: value.text if isinstance(value, Reason) else "",
)  # fmt: skip
def test_every_task_can_say_why_it_is_not_moving(reason: Reason, expected: Reason) -> None:
    assert reason == expected


def test_of_several_reasons_that_time_removes_the_one_that_lasts_longest_is_told() -> None:
    retry = in_status(Status.RETRYING, due_at=NOW + 12, error=BUSY_503)
    situation = replace(QUIET, cooling={"a:80": NOW + 60})
    assert why(retry, situation=situation).code == "host_cooling"
    assert why(retry, situation=situation, limits=Limits(window="22:00-07:00")).code == "window"


@given(candidate_lists, running_lists, some_limits, situations)
def test_what_is_explained_is_what_is_planned(
    candidates: list[Candidate], running: list[Running], limits: Limits, situation: Situation
) -> None:
    """A lone task is picked if and only if it is explained as about to start."""
    for each in candidates:
        task = replace(
            TASK, id=each.id, status=each.status, queue=each.queue, host=each.host, due_at=each.due_at,
            spec=replace(SPEC, directory=each.directory),
        )  # fmt: skip
        picked = plan([each], running, limits, situation).picks != ()
        assert picked == (why(task, running=running, limits=limits, situation=situation).code == "ready")


# -- those that are finishing --------------------------------------------------------------------------


def test_a_task_that_is_finishing_has_given_its_slot_and_its_connection_to_the_next() -> None:
    limits = Limits(max_running=1, connections_per_host=1)
    assert names(plan([waits("next")], [finishes("first")], limits, QUIET)) == ["next"]
    assert names(plan([waits("next")], [runs("first")], limits, QUIET)) == []


def test_a_connection_that_is_still_open_counts_also_when_its_task_is_finishing() -> None:
    limits = Limits(max_running=2, connections_per_host=1)
    assert names(plan([waits("next")], [finishes("first", connections=1)], limits, QUIET)) == []


@pytest.mark.parametrize(("finishing", "free"), [(0, 2), (1, 2), (2, 2), (3, 1), (4, 0), (9, 0)])
def test_no_more_than_would_fill_all_slots_finish_beside_those_that_run(finishing: int, free: int) -> None:
    limits = Limits(max_running=2, connections_per_host=99)
    ending = [finishes(f"ending {index}") for index in range(finishing)]
    assert len(plan([waits(str(index)) for index in range(9)], ending, limits, QUIET).picks) == free
