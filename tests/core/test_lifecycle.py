"""The life of a task: first the arrows one by one, then what holds for every status and trigger."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from argosy.core.events import StatusChanged, Warned
from argosy.core.lifecycle import (
    DISK_RECHECK_S,
    TRANSITIONS,
    AttemptFailed,
    Began,
    Cancel,
    Changed,
    Claimed,
    Decision,
    Discard,
    Finished,
    Finishing,
    Illegal,
    Launch,
    LeaseLost,
    Pause,
    Prioritise,
    Remove,
    Respec,
    Resume,
    Retry,
    Signal,
    Stop,
    Stopped,
    Trigger,
    Unchanged,
    decide,
)
from argosy.core.retry import RetryPolicy
from argosy.core.types import ACTIVE, TERMINAL, Queue, Status, Task, TaskSpec, Want
from argosy.errors import Failure

S = Status
NOW = 1_000.0
RESET = Failure("reset", "connection reset", retryable=True)
GONE = Failure("refused", "404 Not Found")
NO_SPACE = Failure("disk_full", "no space left")

CLAIM = Claimed("w", 8, NOW + 30, 4242)
RESET_LATER = AttemptFailed(RESET, received=5, uniform=0.5)
RESET_FURTHER = AttemptFailed(RESET, received=50, uniform=0.5)
REFUSED = AttemptFailed(GONE, received=5, uniform=0.5)
DISK = AttemptFailed(NO_SPACE, received=5, uniform=0.5)
FINISHING = Finishing(received=100, total=100, name="f")
FINISHED = Finished(received=100, total=100, files_done=1, name="f")
STOPPED = Stopped(received=5)
RESPEC = Respec(TaskSpec("https://b/f", "/d"), "b:443", max_retries=9)


def a_task(status: Status, want: Want | None = None, **fields: object) -> Task:
    """Return a task as it may be found in ``status``, five bytes of which an earlier attempt brought."""
    task = Task(
        "t" * 32, TaskSpec("https://a/f", "/d"), 1.0, 1.0, status=status, want=want, fence=7, received=5, mark=5
    )
    if status in ACTIVE:
        task = replace(task, owner="w", lease_until=NOW + 30, pid=4242)
    if status in TERMINAL:
        task = replace(task, finished_at=900.0)
    return replace(task, **fields)  # type: ignore[arg-type]


def changed(task: Task, trigger: Trigger, policy: RetryPolicy | None = None) -> Task:
    """Return the task after a decision that must be a change that keeps it."""
    decision = decide(task, trigger, NOW, policy)
    assert isinstance(decision, Changed)
    assert decision.after is not None
    return decision.after


def effects(decision: Decision) -> list[type]:
    assert not isinstance(decision, Illegal)
    return [type(effect) for effect in decision.effects]


# -- every arrow is a sentence -------------------------------------------------------------------------

ARROWS = [
    ("the scheduler gives a waiting task to a worker", S.PENDING, None, CLAIM, S.SCHEDULED),
    ("a person holds back a waiting task", S.PENDING, None, Pause(), S.PAUSED),
    ("a person gives up a waiting task", S.PENDING, None, Cancel(), S.CANCELLED),
    ("the worker has started", S.SCHEDULED, None, Began(), S.RUNNING),
    ("a person pauses before the worker has started", S.SCHEDULED, None, Pause(), S.PAUSING),
    ("the worker's process died before it started", S.SCHEDULED, None, LeaseLost(), S.PENDING),
    ("the process is stopping before the worker has started", S.SCHEDULED, None, STOPPED, S.PENDING),
    ("the worker could not even start, but it may work later", S.SCHEDULED, None, RESET_LATER, S.RETRYING),
    ("the worker could not even start, and never will", S.SCHEDULED, None, REFUSED, S.FAILED),
    ("a cancelled task's worker lets go before it has started", S.SCHEDULED, Want.CANCEL, STOPPED, S.CANCELLED),
    ("a person pauses a running task", S.RUNNING, None, Pause(), S.PAUSING),
    ("all bytes are here", S.RUNNING, None, FINISHING, S.COMPLETING),
    ("the process is stopping", S.RUNNING, None, STOPPED, S.PENDING),
    ("the line broke", S.RUNNING, None, RESET_LATER, S.RETRYING),
    ("the disk is full", S.RUNNING, None, DISK, S.RETRYING),
    ("the worker's process died", S.RUNNING, None, LeaseLost(), S.RETRYING),
    ("the server says no", S.RUNNING, None, REFUSED, S.FAILED),
    ("a cancelled task's worker lets go", S.RUNNING, Want.CANCEL, STOPPED, S.CANCELLED),
    ("a cancelled task's worker fails, which matters no more", S.RUNNING, Want.CANCEL, RESET_LATER, S.CANCELLED),
    ("the worker has paused", S.PAUSING, None, STOPPED, S.PAUSED),
    ("the line broke while pausing: paused all the same", S.PAUSING, None, RESET_LATER, S.PAUSED),
    ("the disk filled up while pausing: paused all the same", S.PAUSING, None, DISK, S.PAUSED),
    ("the worker died while pausing: paused all the same", S.PAUSING, None, LeaseLost(), S.PAUSED),
    ("a person changed their mind while it was pausing", S.PAUSING, Want.RESUME, STOPPED, S.PENDING),
    ("the last byte came while pausing", S.PAUSING, None, FINISHING, S.COMPLETING),
    ("the server said no while pausing", S.PAUSING, None, REFUSED, S.FAILED),
    ("a pausing task was cancelled", S.PAUSING, Want.CANCEL, STOPPED, S.CANCELLED),
    ("a person lets a paused task go on", S.PAUSED, None, Resume(), S.PENDING),
    ("a person tries a paused task again, which is the same", S.PAUSED, None, Retry(), S.PENDING),
    ("a person gives up a paused task", S.PAUSED, None, Cancel(), S.CANCELLED),
    ("every file is in place", S.COMPLETING, None, FINISHED, S.COMPLETED),
    ("every file is in place although a person cancelled", S.COMPLETING, Want.CANCEL, FINISHED, S.COMPLETED),
    ("every file is in place although a person paused", S.COMPLETING, Want.PAUSE, FINISHED, S.COMPLETED),
    ("publishing failed after a person had paused", S.COMPLETING, Want.PAUSE, RESET_LATER, S.PAUSED),
    ("the process died publishing after a person had paused", S.COMPLETING, Want.PAUSE, LeaseLost(), S.PAUSED),
    ("the process is stopping in the middle of publishing", S.COMPLETING, None, STOPPED, S.PENDING),
    ("the process died in the middle of publishing", S.COMPLETING, None, LeaseLost(), S.RETRYING),
    ("publishing is not possible", S.COMPLETING, None, REFUSED, S.FAILED),
    ("publishing stops because a person cancelled", S.COMPLETING, Want.CANCEL, STOPPED, S.CANCELLED),
    ("the backoff is over", S.RETRYING, None, CLAIM, S.SCHEDULED),
    ("a person does not want to wait for the backoff", S.RETRYING, None, Resume(), S.PENDING),
    ("a person holds back a task in its backoff", S.RETRYING, None, Pause(), S.PAUSED),
    ("a person gives up a task in its backoff", S.RETRYING, None, Cancel(), S.CANCELLED),
    ("a person tries a failed task again", S.FAILED, None, Retry(), S.PENDING),
    ("a person resumes a failed task, which is the same", S.FAILED, None, Resume(), S.PENDING),
    ("a person tries a cancelled task again", S.CANCELLED, None, Retry(), S.PENDING),
]


@pytest.mark.parametrize(
    ("status", "want", "trigger", "to"), [row[1:] for row in ARROWS], ids=[row[0] for row in ARROWS]
)
def test_each_arrow(status: Status, want: Want | None, trigger: Trigger, to: Status) -> None:
    assert changed(a_task(status, want), trigger).status is to


def test_the_sentences_cover_every_arrow_of_the_table_and_no_other() -> None:
    told = {(status, to) for _, status, _, _, to in ARROWS}
    assert told == {(status, to) for status, targets in TRANSITIONS.items() for to in targets}


# -- what a person asks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "want", "trigger"),
    [
        (S.PAUSED, None, Pause()),
        (S.PAUSING, None, Pause()),
        (S.COMPLETING, Want.PAUSE, Pause()),
        (S.RUNNING, None, Resume()),
        (S.PAUSING, Want.RESUME, Resume()),
        (S.COMPLETING, None, Resume()),
        (S.RUNNING, None, Retry()),
        (S.PENDING, None, Retry()),
        (S.CANCELLED, None, Cancel()),
    ],
)
def test_a_repeat_is_not_an_error(status: Status, want: Want | None, trigger: Trigger) -> None:
    assert decide(a_task(status, want), trigger, NOW) == Unchanged()


@pytest.mark.parametrize(
    ("status", "trigger", "message"),
    [
        (S.COMPLETED, Pause(), "a completed task cannot be paused"),
        (S.COMPLETED, Resume(), "a completed task cannot be resumed"),
        (S.CANCELLED, Resume(), "a cancelled task cannot be resumed"),
        (S.COMPLETED, Cancel(), "a completed task cannot be cancelled"),
        (S.FAILED, Cancel(), "a failed task cannot be cancelled"),
        (S.COMPLETED, Retry(), "a completed task cannot be retried"),
        (S.PAUSED, CLAIM, "a paused task cannot be claimed"),
        (S.PAUSED, Began(), "a paused task cannot be begun"),
        (S.PENDING, FINISHING, "a pending task cannot be finished"),
        (S.RUNNING, FINISHED, "a running task cannot be completed"),
    ],
)
def test_what_a_status_does_not_allow_is_refused_in_words(status: Status, trigger: Trigger, message: str) -> None:
    decision = decide(a_task(status), trigger, NOW)
    assert isinstance(decision, Illegal)
    assert decision.message == message


def test_a_worker_that_holds_the_task_is_told_to_pause() -> None:
    decision = decide(a_task(S.RUNNING), Pause(), NOW)
    assert isinstance(decision, Changed)
    assert decision.effects == (Signal("t" * 32, Stop.PAUSE),)


def test_a_cancelled_worker_is_told_again_each_time_a_person_insists() -> None:
    first = decide(a_task(S.RUNNING), Cancel(), NOW)
    assert isinstance(first, Changed)
    assert first.after is not None
    assert first.after.want is Want.CANCEL
    again = decide(first.after, Cancel(), NOW)
    assert isinstance(again, Unchanged)
    assert first.effects == again.effects == (Signal("t" * 32, Stop.CANCEL),)


def test_removing_a_task_that_is_being_cancelled_removes_it_but_not_the_other_way_round() -> None:
    cancelling = a_task(S.RUNNING, Want.CANCEL)
    removing = changed(cancelling, Remove())
    assert removing.want is Want.REMOVE
    assert (
        decide(removing, Cancel(), NOW)
        == decide(removing, Remove(), NOW)
        == Unchanged((Signal("t" * 32, Stop.CANCEL),))
    )


@pytest.mark.parametrize("status", sorted(ACTIVE))
@pytest.mark.parametrize(("want", "fate"), [(Want.CANCEL, "cancelled"), (Want.REMOVE, "removed")])
@pytest.mark.parametrize("trigger", [Pause(), Resume(), Retry()])
def test_cancel_and_remove_cannot_be_taken_back(status: Status, want: Want, fate: str, trigger: Trigger) -> None:
    decision = decide(a_task(status, want), trigger, NOW)
    assert isinstance(decision, Illegal)
    assert decision.message == f"the task is being {fate}, which cannot be taken back"


def test_while_a_task_pauses_the_last_word_of_pause_and_resume_counts() -> None:
    pausing = a_task(S.PAUSING)
    resumed = changed(pausing, Resume(rank=-3.0))
    assert (resumed.want, resumed.rank) == (Want.RESUME, -3.0)
    assert changed(pausing, Retry()).want is Want.RESUME
    assert changed(changed(resumed, Pause()), STOPPED).status is S.PAUSED


def test_a_task_paused_while_it_is_published_is_not_tried_again_if_that_fails() -> None:
    paused = changed(a_task(S.COMPLETING), Pause())
    assert paused.status is S.COMPLETING
    assert changed(paused, RESET_LATER).status is S.PAUSED
    assert changed(changed(paused, Resume()), RESET_LATER).status is S.RETRYING


@pytest.mark.parametrize(
    ("asked", "then"), [(None, Want.PAUSE), (Want.RESUME, None), (Want.CANCEL, Want.CANCEL), (Want.REMOVE, Want.REMOVE)]
)
def test_what_was_asked_of_a_pausing_task_is_remembered_when_its_last_byte_comes(
    asked: Want | None, then: Want | None
) -> None:
    assert changed(a_task(S.PAUSING, asked), FINISHING).want is then


def test_a_resumed_task_goes_to_the_head_of_the_interactive_queue_with_a_fresh_count_of_attempts() -> None:
    paused = a_task(S.PAUSED, attempt=4, error=RESET, queue=Queue.AUTOMATIC)
    after = changed(paused, Resume(rank=-7.0))
    assert (after.queue, after.rank, after.attempt, after.error, after.queued_at) == (
        Queue.INTERACTIVE,
        -7.0,
        0,
        None,
        NOW,
    )


def test_a_resumed_task_may_make_progress_from_where_it_is_even_if_it_was_further_once() -> None:
    assert changed(a_task(S.FAILED, mark=90), Retry()).mark == 5


def test_resuming_a_waiting_task_means_now() -> None:
    later = a_task(S.PENDING, due_at=NOW + 9, queue=Queue.INTERACTIVE)
    assert changed(later, Resume()).due_at is None
    assert changed(a_task(S.PENDING, queue=Queue.AUTOMATIC), Resume()).queue is Queue.INTERACTIVE
    assert decide(a_task(S.PENDING, queue=Queue.INTERACTIVE), Resume(), NOW) == Unchanged()


def test_a_cancelled_task_leaves_no_partial_file_and_starts_from_nothing_when_retried() -> None:
    decision = decide(a_task(S.PAUSED), Cancel(), NOW)
    assert effects(decision) == [Discard]
    for end in (STOPPED, RESET_LATER, LeaseLost()):
        assert effects(decide(a_task(S.RUNNING, Want.CANCEL), end, NOW)) == [Discard]
    retried = changed(a_task(S.CANCELLED, files_done=1), Retry())
    assert (retried.received, retried.mark, retried.files_done, retried.finished_at) == (0, 0, 0, None)


def test_a_removed_task_is_gone_with_its_partial_file_but_a_finished_file_stays() -> None:
    for status, cleared in [(S.PAUSED, [Discard]), (S.FAILED, [Discard]), (S.COMPLETED, [])]:
        decision = decide(a_task(status), Remove(), NOW)
        assert isinstance(decision, Changed)
        assert decision.after is None
        assert decision.events == (StatusChanged("t" * 32, status, None, "user"),)
        assert effects(decision) == cleared


def test_a_task_removed_while_it_works_is_gone_when_its_worker_lets_go() -> None:
    removing = changed(a_task(S.RUNNING), Remove())
    ends: list[Trigger] = [STOPPED, LeaseLost(), RESET_LATER]
    for end in ends:
        decision = decide(removing, end, NOW)
        assert isinstance(decision, Changed)
        assert decision.after is None
        assert effects(decision) == [Discard]


def test_a_task_removed_while_it_is_published_keeps_its_finished_file() -> None:
    decision = decide(a_task(S.COMPLETING, Want.REMOVE), FINISHED, NOW)
    assert isinstance(decision, Changed)
    assert decision.after is None
    assert decision.effects == ()


def test_a_person_may_change_priority_queue_and_rank_at_any_time() -> None:
    after = changed(a_task(S.RUNNING), Prioritise(priority=3, queue=Queue.INTERACTIVE, rank=-1.0))
    assert (after.status, after.priority, after.queue, after.rank) == (S.RUNNING, 3, Queue.INTERACTIVE, -1.0)
    assert decide(after, Prioritise(priority=3), NOW) == Unchanged()
    assert decide(after, Prioritise(), NOW) == Unchanged()


# -- what the scheduler and the workers report ---------------------------------------------------------


def test_a_claim_gives_the_task_an_owner_and_a_higher_fence_and_launches_it() -> None:
    decision = decide(a_task(S.RETRYING, due_at=NOW - 1), CLAIM, NOW)
    assert isinstance(decision, Changed)
    assert decision.effects == (Launch("t" * 32),)
    after = decision.after
    assert after is not None
    assert (after.owner, after.fence, after.lease_until, after.pid, after.due_at) == ("w", 8, NOW + 30, 4242, None)


def test_a_claim_with_an_old_fence_is_refused() -> None:
    assert isinstance(decide(a_task(S.PENDING), replace(CLAIM, fence=7), NOW), Illegal)


def test_a_task_knows_when_it_first_began() -> None:
    assert changed(a_task(S.SCHEDULED), Began()).started_at == NOW
    assert changed(a_task(S.SCHEDULED, started_at=3.0), Began()).started_at == 3.0
    assert decide(a_task(S.PAUSING), Began(), NOW) == Unchanged()


def test_a_finished_task_has_no_owner_and_no_trace_of_trouble() -> None:
    after = changed(
        a_task(S.COMPLETING, attempt=3, error=RESET, warning="stalled", speed_bps=9.0, connections=4), FINISHED
    )
    assert (after.owner, after.lease_until, after.pid, after.want) == (None, None, None, None)
    assert (after.attempt, after.error, after.warning, after.speed_bps, after.connections) == (0, None, None, 0.0, 0)
    assert (after.received, after.total, after.files_done, after.name, after.finished_at) == (100, 100, 1, "f", NOW)


def test_publishing_twice_changes_nothing() -> None:
    assert decide(a_task(S.COMPLETING), FINISHING, NOW) == Unchanged()


def test_what_a_worker_says_after_it_has_let_go_changes_nothing() -> None:
    for late in (STOPPED, RESET_LATER, LeaseLost()):
        assert decide(a_task(S.PAUSED), late, NOW) == Unchanged()


def test_a_stopped_task_keeps_its_place_in_the_queue_and_its_attempts() -> None:
    after = changed(a_task(S.RUNNING, queue=Queue.AUTOMATIC, rank=4.0, attempt=2), STOPPED)
    assert (after.queue, after.rank, after.attempt) == (Queue.AUTOMATIC, 4.0, 2)


def test_a_failed_attempt_waits_twice_as_long_as_the_one_before_and_tells_why() -> None:
    for attempt, delay_s in [(0, 1.0), (1, 2.0), (2, 4.0)]:
        decision = decide(a_task(S.RUNNING, attempt=attempt), RESET_LATER, NOW)
        assert isinstance(decision, Changed)
        assert decision.after is not None
        assert (decision.after.attempt, decision.after.due_at) == (attempt + 1, NOW + delay_s)
        assert decision.events == (StatusChanged("t" * 32, S.RUNNING, S.RETRYING, "reset", RESET),)


def test_the_last_attempt_fails_the_task_and_warns() -> None:
    decision = decide(a_task(S.RUNNING, attempt=5), RESET_LATER, NOW)
    assert isinstance(decision, Changed)
    told, warned = decision.events
    assert told == StatusChanged("t" * 32, S.RUNNING, S.FAILED, "reset", RESET)
    assert warned == Warned("retries_exhausted", "gave up after 5 retries: connection reset", "t" * 32)


def test_an_attempt_that_got_further_resets_the_count() -> None:
    assert changed(a_task(S.RUNNING, attempt=5), RESET_FURTHER).attempt == 1
    assert changed(a_task(S.RUNNING, attempt=5, received=50), LeaseLost()).attempt == 1


def test_what_is_waited_out_costs_no_attempt_and_is_said_once() -> None:
    running = a_task(S.RUNNING, attempt=2)
    first = decide(running, DISK, NOW)
    assert isinstance(first, Changed)
    assert [type(event) for event in first.events] == [StatusChanged, Warned]
    again = decide(replace(running, error=NO_SPACE), DISK, NOW)
    assert isinstance(again, Changed)
    assert [type(event) for event in again.events] == [StatusChanged]
    for each in (first, again):
        assert each.after is not None
        assert (each.after.status, each.after.attempt, each.after.due_at) == (S.RETRYING, 2, NOW + DISK_RECHECK_S)


def test_progress_counts_even_if_the_attempt_that_made_it_was_stopped() -> None:
    """A process that is stopped and started again does not use up the retries of what it brings forward."""
    tried = a_task(S.RUNNING, attempt=2)
    assert changed(tried, Stopped(received=6)).attempt == 0
    assert changed(tried, Stopped(received=5)).attempt == 2


def test_an_attempt_that_started_over_and_got_less_far_than_an_earlier_one_is_no_progress() -> None:
    """Else a server without ranges that cuts every answer somewhere else would be followed for ever."""
    claimed = changed(a_task(S.RETRYING, received=20, mark=60, attempt=2), CLAIM)
    assert changed(changed(claimed, Began()), RESET_FURTHER).attempt == 3


def test_the_policy_of_the_caller_wins_over_the_task_s_own() -> None:
    assert changed(a_task(S.RUNNING, attempt=1), RESET_LATER, RetryPolicy(max_retries=1)).status is S.FAILED


def test_a_full_disk_costs_no_attempt_and_is_looked_at_again() -> None:
    decision = decide(a_task(S.RUNNING, attempt=5), DISK, NOW)
    assert isinstance(decision, Changed)
    after = decision.after
    assert after is not None
    assert (after.status, after.attempt, after.due_at, after.warning) == (
        S.RETRYING,
        5,
        NOW + DISK_RECHECK_S,
        "disk_full",
    )
    assert decision.events[1:] == (Warned("disk_full", "no space left", "t" * 32),)


def test_a_task_that_kills_its_worker_every_time_is_given_up() -> None:
    for status in (S.RUNNING, S.COMPLETING):
        assert changed(a_task(status, attempt=4), LeaseLost()).attempt == 5
        given_up = changed(a_task(status, attempt=5), LeaseLost())
        assert given_up.status is S.FAILED
        assert given_up.error is not None
        assert given_up.error.code == "worker_lost"


def test_an_error_is_told_with_the_change_it_caused_and_not_with_later_ones() -> None:
    decision = decide(a_task(S.RETRYING, error=RESET), CLAIM, NOW)
    assert isinstance(decision, Changed)
    assert decision.events == (StatusChanged("t" * 32, S.RETRYING, S.SCHEDULED, "scheduler"),)


# -- the same bytes by other means ---------------------------------------------------------------------


@pytest.mark.parametrize("status", [S.PENDING, S.PAUSED, S.RETRYING, S.FAILED, S.CANCELLED, S.PAUSING, S.COMPLETING])
def test_a_new_spec_is_taken_over_and_nothing_else_changes(status: Status) -> None:
    before = a_task(status, received=50)
    assert decide(before, RESPEC, NOW) == Changed(
        replace(before, spec=RESPEC.spec, host="b:443", max_retries=9, updated_at=NOW)
    )


@pytest.mark.parametrize("status", [S.SCHEDULED, S.RUNNING])
def test_an_attempt_under_way_lets_go_for_a_new_spec(status: Status) -> None:
    decision = decide(a_task(status), RESPEC, NOW)
    assert isinstance(decision, Changed)
    assert decision.effects == (Signal("t" * 32, Stop.PAUSE),)
    assert decision.after is not None
    for end in (Stopped(received=40), REFUSED, RESET_LATER, LeaseLost()):
        after = changed(decision.after, end)
        assert (after.status, after.spec, after.attempt) == (S.PENDING, RESPEC.spec, 0)


def test_an_attempt_goes_on_if_only_the_budget_of_retries_is_new() -> None:
    before = a_task(S.RUNNING)
    decision = decide(before, Respec(before.spec, before.host, 9), NOW)
    assert isinstance(decision, Changed)
    assert decision.effects == ()


def test_what_is_complete_cannot_be_asked_for_by_other_means() -> None:
    assert isinstance(decide(a_task(S.COMPLETED), RESPEC, NOW), Illegal)


# -- every status, every trigger, every wish -----------------------------------------------------------

TRIGGERS: list[Trigger] = [
    Pause(), Resume(rank=-1.0), Cancel(), Remove(), Retry(rank=-1.0), Prioritise(), Prioritise(priority=9),
    RESPEC, CLAIM, replace(CLAIM, fence=7), replace(CLAIM, fence=1), Began(), FINISHING, FINISHED, STOPPED, LeaseLost(),
    RESET_LATER, RESET_FURTHER, REFUSED, DISK, AttemptFailed(NO_SPACE, received=0, uniform=0.0),
]  # fmt: skip
CASES = [
    (a_task(status, want, attempt=attempt, received=received, due_at=due_at, queue=queue, error=error), trigger)
    for status, want, attempt, received, due_at, queue, error, trigger in product(
        Status, [None, *Want], [0, 5], [5, 50], [None, NOW + 9], Queue, [None, RESET], TRIGGERS
    )
]


def check(before: Task, trigger: Trigger, decision: Decision) -> None:
    """Assert all that holds for any decision."""
    if not isinstance(decision, Changed):
        assert isinstance(decision, Unchanged | Illegal)
        assert isinstance(decision, Illegal) or all(isinstance(effect, Signal) for effect in decision.effects)
        assert isinstance(decision, Unchanged) or decision.message
        return
    after = decision.after
    told = [event for event in decision.events if isinstance(event, StatusChanged)]
    if after is not None and after.status is before.status:
        assert told == []
    else:
        [event] = told
        assert (event.task_id, event.from_, event.to) == (before.id, before.status, after and after.status)
        assert event.reason
        assert after is None or after.status in TRANSITIONS[before.status]
    for effect in decision.effects:
        check_effect(effect, before, after, trigger)
    if after is not None:
        check_task(before, after, trigger)


def check_effect(effect: object, before: Task, after: Task | None, trigger: Trigger) -> None:
    match effect:
        case Launch():
            assert isinstance(trigger, Claimed)
            assert after is not None
            assert after.status is S.SCHEDULED
        case Signal():
            assert before.active
            assert after is not None
            assert after.active
        case Discard(task):
            assert task.id == before.id
            assert after is None or after.status is S.CANCELLED


def check_task(before: Task, after: Task, trigger: Trigger) -> None:
    held = (after.owner is not None, after.lease_until is not None, after.pid is not None)
    assert held == (after.active,) * 3
    assert after.fence >= before.fence
    assert after.fence > before.fence or not after.active or before.active
    assert after.active or after.want is None or before.want is after.want  # a wish ends with the worker
    assert (after.finished_at is not None) == after.terminal
    assert after.updated_at == NOW
    assert (after.id, after.version, after.number) == (before.id, before.version, before.number)
    assert after.spec == (trigger.spec if isinstance(trigger, Respec) else before.spec)
    if after.status is S.FAILED and before.status is not S.FAILED:
        assert after.error is not None


@pytest.mark.parametrize("status", list(Status))
def test_decide_is_total_and_keeps_every_promise(status: Status) -> None:
    for task, trigger in CASES:
        if task.status is status:
            check(task, trigger, decide(task, trigger, NOW))


def test_every_arrow_of_the_table_is_taken_and_none_besides() -> None:
    taken = {
        (task.status, decision.after.status)
        for task, trigger in CASES
        if isinstance(decision := decide(task, trigger, NOW), Changed)
        and decision.after is not None
        and decision.after.status is not task.status
    }
    assert taken == {(status, to) for status, targets in TRANSITIONS.items() for to in targets}


def test_a_command_given_twice_is_the_same_as_given_once() -> None:
    for task, trigger in CASES:
        if isinstance(trigger, Pause | Resume | Cancel | Remove | Prioritise | Respec):
            first = decide(task, trigger, NOW)
            if isinstance(first, Changed) and first.after is not None and task.want is None:
                assert isinstance(decide(first.after, trigger, NOW), Unchanged)


def test_a_worker_that_lets_go_never_leaves_the_task_active() -> None:
    for task, trigger in CASES:
        if task.active and isinstance(trigger, Stopped | AttemptFailed | LeaseLost):
            decision = decide(task, trigger, NOW)
            assert isinstance(decision, Changed)
            assert decision.after is None or not decision.after.active
