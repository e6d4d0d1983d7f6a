"""One task at the mercy of everything: commands at any time, late signals, dying workers, lost leases, bad servers.

The machine plays the router, the store and the workers. What it checks after every step is that ``decide`` keeps its
promises; what it checks at the end of each run is that no state is a trap: left alone, the task arrives where the
last command wanted it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from argosy.core.events import StatusChanged
from argosy.core.lifecycle import (
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
    UserTrigger,
    WorkerTrigger,
    decide,
)
from argosy.core.types import WAITING, Queue, Status, Task, TaskSpec, Want
from argosy.errors import Failure

S = Status
SIZE = 100
RESET = Failure("reset", "connection reset", retryable=True)
GONE = Failure("refused", "404 Not Found")
NO_SPACE = Failure("disk_full", "no space left")


@dataclass
class Worker:
    """One that was given the task, and may not know yet that it has lost it."""

    fence: int
    received: int
    began: bool = False
    publishing: bool = False
    alive: bool = True
    told: Stop | None = None
    inbox: list[Stop] = field(default_factory=list)


class OneTask(RuleBasedStateMachine):
    task: Task | None
    worker: Worker | None
    """The one whose reports the store accepts."""

    @initialize(max_retries=st.integers(0, 3), queue=st.sampled_from(Queue))
    def add(self, max_retries: int, queue: Queue) -> None:
        self.now = 1_000.0
        self.task = Task(
            "t" * 32, TaskSpec("https://a/f", "/d"), self.now, self.now, queue=queue, max_retries=max_retries
        )
        self.worker = None
        self.zombies: list[Worker] = []
        self.partial = False
        self.published = False
        self.last: UserTrigger | None = None
        self.furthest = 0
        self.in_vain = 0

    # -- the router ------------------------------------------------------------------------------------

    def decide(self, trigger: Trigger) -> Decision:
        """Decide, commit, and carry out the effects, as the router does."""
        assert self.task is not None
        before = self.task
        decision = decide(before, trigger, self.now)
        if isinstance(decision, Illegal):
            return decision
        if isinstance(decision, Changed):
            self.task = decision.after
            self.watch(before, decision)
        for effect in decision.effects:
            match effect:
                case Launch():
                    assert self.worker is None
                    assert self.task is not None
                    self.worker = Worker(self.task.fence, self.task.received)
                case Signal(_, stop):
                    assert self.worker is not None
                    self.worker.inbox.append(stop)
                case Discard():
                    self.partial = False
        if self.task is None or not self.task.active:
            self.worker = None
        return decision

    def watch(self, before: Task, decision: Changed) -> None:
        told = [event for event in decision.events if isinstance(event, StatusChanged)]
        after = decision.after
        assert len(told) == (0 if after is not None and after.status is before.status else 1)
        if after is None:
            return
        assert after.fence >= before.fence
        if told and told[0].to is S.PENDING and told[0].reason == "user":
            self.furthest, self.in_vain = after.received, 0

    # -- people ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.task is not None)
    @rule(command=st.sampled_from([Pause(), Pause(), Resume(-1.0), Resume(-1.0), Cancel(), Retry(-2.0)]))
    def command(self, command: UserTrigger) -> None:
        if not isinstance(self.decide(command), Illegal):
            self.last = command

    @precondition(lambda self: self.task is not None)
    @rule(priority=st.integers(-2, 2))
    def prioritise(self, priority: int) -> None:
        self.decide(Prioritise(priority=priority))

    @precondition(lambda self: self.task is not None)
    @rule(source=st.sampled_from(["https://a/f", "https://b/f"]))
    def respec(self, source: str) -> None:
        assert self.task is not None
        self.decide(Respec(TaskSpec(source, "/d"), "b:443", self.task.max_retries))

    @precondition(lambda self: self.task is not None and (self.task.terminal or self.task.attempt > 0))
    @rule()
    def remove(self) -> None:
        self.last = Remove()
        self.decide(self.last)

    # -- the scheduler ---------------------------------------------------------------------------------

    @precondition(lambda self: self.is_due())
    @rule()
    def claim(self) -> None:
        assert self.task is not None
        self.decide(Claimed("w", self.task.fence + 1, self.now + 30, 4242))

    @rule(seconds=st.sampled_from([1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    def is_due(self) -> bool:
        return self.task is not None and self.task.status in WAITING and (self.task.due_at or 0.0) <= self.now

    # -- the worker ------------------------------------------------------------------------------------

    def report(self, trigger: WorkerTrigger) -> None:
        """Tell the store, which accepts it from the present worker only (others are fenced off)."""
        assert self.worker is not None
        self.decide(trigger)

    def lives(self) -> bool:
        return self.worker is not None and self.worker.alive

    def works(self) -> bool:
        return self.worker is not None and self.worker.alive and self.worker.began and not self.worker.publishing

    @precondition(lambda self: self.lives() and not self.worker.began)
    @rule()
    def begin(self) -> None:
        assert self.worker is not None
        self.worker.began = True
        self.report(Began())

    @precondition(lambda self: self.works())
    @rule(more=st.integers(1, 40))
    def receive(self, more: int) -> None:
        assert self.worker is not None
        self.worker.received = min(SIZE, self.worker.received + more)
        self.checkpoint()

    @precondition(lambda self: self.works())
    @rule()
    def start_over(self) -> None:
        """The file has changed on the server, or it knows no ranges."""
        assert self.worker is not None
        self.worker.received = 0
        self.checkpoint()

    def checkpoint(self) -> None:
        assert self.worker is not None
        assert self.task is not None
        self.partial = True
        self.task = replace(self.task, received=self.worker.received, total=SIZE)

    @precondition(lambda self: self.works() and self.worker.received == SIZE)
    @rule()
    def finish_bytes(self) -> None:
        assert self.worker is not None
        self.worker.publishing = True
        self.report(Finishing(SIZE, SIZE, "f"))

    @precondition(lambda self: self.lives() and self.worker.publishing)
    @rule()
    def publish(self) -> None:
        self.partial, self.published = False, True
        self.report(Finished(SIZE, SIZE, 1, "f"))

    @precondition(lambda self: self.lives())
    @rule(failure=st.sampled_from([RESET, RESET, GONE, NO_SPACE]), uniform=st.sampled_from([0.0, 0.5]))
    def fail(self, failure: Failure, uniform: float) -> None:
        assert self.worker is not None
        received = self.worker.received
        further = received > self.furthest
        self.count_attempt(counts=failure is RESET)
        self.report(AttemptFailed(failure, received, uniform))
        if self.task is not None and self.task.status is S.RETRYING and failure is RESET and further:
            assert self.task.attempt == 1, "progress resets the attempts"

    @precondition(lambda self: self.lives() and self.worker.inbox)
    @rule()
    def deliver(self) -> None:
        """A signal arrives, perhaps long after it was sent."""
        assert self.worker is not None
        self.worker.told = self.worker.inbox.pop(0)

    @precondition(lambda self: self.lives())
    @rule()
    def let_go(self) -> None:
        """It was told to, or its process is stopping."""
        assert self.worker is not None
        self.report(Stopped(self.worker.received))

    @precondition(lambda self: self.lives())
    @rule()
    def die(self) -> None:
        assert self.worker is not None
        self.worker.alive = False

    @precondition(lambda self: self.worker is not None)
    @rule()
    def lose_lease(self) -> None:
        """The sweeper finds the worker dead, or too late with its renewal; in that case it works on, unheard."""
        assert self.worker is not None
        if self.worker.alive:
            self.zombies.append(self.worker)
        self.count_attempt(counts=self.worker.began)
        self.decide(LeaseLost())

    def count_attempt(self, *, counts: bool) -> None:
        assert self.worker is not None
        if self.worker.received > self.furthest:
            self.furthest, self.in_vain = self.worker.received, 0
        if counts:
            self.in_vain += 1

    # -- what holds all the time -----------------------------------------------------------------------

    @invariant()
    def has_a_worker_exactly_while_active(self) -> None:
        if self.task is not None:
            assert (self.worker is not None) == self.task.active
            assert (self.task.owner is not None) == (self.task.lease is not None) == self.task.active
            assert self.task.active or self.task.want is None

    @invariant()
    def has_the_highest_fence_of_all(self) -> None:
        if self.task is not None:
            assert all(zombie.fence < self.task.fence or not self.task.active for zombie in self.zombies)
            assert self.worker is None or self.worker.fence == self.task.fence

    @invariant()
    def is_complete_only_when_published(self) -> None:
        if self.task is not None and self.task.status is S.COMPLETED:
            assert self.published
            assert not self.partial

    @invariant()
    def leaves_no_partial_file_when_cancelled_or_removed(self) -> None:
        if self.task is None or self.task.status is S.CANCELLED:
            assert not self.partial

    @invariant()
    def does_not_try_for_ever_without_progress(self) -> None:
        if self.task is not None and self.in_vain > self.task.max_retries:
            assert self.task.status not in (S.RETRYING, S.SCHEDULED, S.RUNNING)

    # -- no state is a trap ----------------------------------------------------------------------------

    def teardown(self) -> None:
        """Give no more commands. In a good world and in two bad ones, the task comes to rest, and soon."""
        if not hasattr(self, "task"):
            return
        before = self.saved()
        for world in (self.good_world, self.world_of_resets, self.world_of_crashes):
            self.restore(before)
            self.settle(world)
            self.rests_where_the_last_command_wanted_it(before, good=world == self.good_world)

    def saved(self) -> tuple[Task | None, Worker | None, int, int]:
        return self.task, self.worker and replace(self.worker, inbox=[*self.worker.inbox]), self.furthest, self.in_vain

    def restore(self, state: tuple[Task | None, Worker | None, int, int]) -> None:
        self.task, worker, self.furthest, self.in_vain = state
        self.worker = worker and replace(worker, inbox=[*worker.inbox])

    def settle(self, world: object) -> None:
        for _ in range(60):
            if self.task is None or self.task.terminal or self.task.status is S.PAUSED:
                return
            self.now += 3_600.0
            if self.worker is None:
                self.claim()
            elif not self.worker.alive:
                self.lose_lease()
            elif self.worker.inbox or self.worker.told:
                self.let_go()
            else:
                world()  # type: ignore[operator]
        raise AssertionError(f"{self.task} never comes to rest")

    def good_world(self) -> None:
        assert self.worker is not None
        if not self.worker.began:
            self.begin()
        elif self.worker.publishing:
            self.publish()
        elif self.worker.received == SIZE:
            self.finish_bytes()
        else:
            self.receive(40)

    def world_of_resets(self) -> None:
        self.fail(RESET, 0.5)

    def world_of_crashes(self) -> None:
        assert self.worker is not None
        if self.worker.began:
            self.die()
        else:
            self.begin()

    def rests_where_the_last_command_wanted_it(
        self, before: tuple[Task | None, Worker | None, int, int], *, good: bool
    ) -> None:
        status = self.task and self.task.status
        task, worker = before[0], before[1]
        # A worker that is dead already may have been the last attempt, however good the world becomes.
        was_failed = (task is not None and task.status is S.FAILED) or (worker is not None and not worker.alive)
        match self.last:
            case Remove():
                assert status is None
            case Cancel():
                gone = status is None and (task is None or task.want is Want.REMOVE)
                assert status in (S.CANCELLED, S.COMPLETED) or gone
            case Pause():
                assert status in (S.PAUSED, S.COMPLETED) or was_failed
            case _:
                assert status in ((S.COMPLETED,) if good and not was_failed else (S.COMPLETED, S.FAILED))


OneTask.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOneTask = OneTask.TestCase
