"""Writing many records: in any order, a bounded number at once, each until the ODS has judged it.

1. Records of one student go one after the other, in the order given: parallel writes under one parent
   deadlock.
2. An answer that says nothing about the record is tried again, within the limits of the policy.
3. An error inside the server may be the record's own: after its tries it is parked, and tried once more alone.
4. Asked to hurry, it tries nothing again, and after a moment of silence it leaves what is not answered.
5. A resource whose records fail one after another for a reason that is not their own (`closing.py`) is not sent any
   further: the rest is pending, with 0 attempts and the answer that all before it met.
"""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Iterable
from typing import cast

import orjson

from edfi_toolkit.errors import OdsError, OdsLostLogin, OdsRefusedLogin, OdsUnavailable
from edfi_toolkit.model import same_body
from edfi_toolkit.ods.bounds import PastLimit
from edfi_toolkit.ods.closing import Closing
from edfi_toolkit.ods.pace import Pace
from edfi_toolkit.ods.read import find_one, get_one, is_id
from edfi_toolkit.ods.retry import RetryBudget, Verdict, judge
from edfi_toolkit.ods.session import Answer, Session
from edfi_toolkit.ods.write import Ended, Job, Kind, Outcome, Parked, Write, outcome_of, unjudged

_GATHER_S = 0.01
_MOMENT_S = 1.0


class Writer:
    """Sends on the session's loop; `results`, lists of them, is read by the caller's thread.  Its methods run on the
    loop."""

    def __init__(self, session: Session) -> None:
        self._session, self._policy = session, session.policy
        self.pace = Pace(session.target.concurrency, session.policy, session.chance)
        self.results: queue.SimpleQueue[list[Outcome | Parked | Ended]] = queue.SimpleQueue()
        self._unreported: list[Outcome | Parked | Ended] = []
        self._budget = RetryBudget(session.policy)
        self._ready: deque[Job] = deque()
        self._queues: dict[str, deque[Job]] = {}  # by student in flight: the jobs that wait
        self._timers: dict[Job, asyncio.TimerHandle] = {}
        self._tasks: dict[asyncio.Task[None], Job] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._closing = Closing(session.policy)
        self._hurried = self._over = False
        self._heard_at = 0.0  # when the last answer came, in the loop's time
        self.error: Exception | None = None

    @property
    def waiting(self) -> int:
        """How many records wait for another try; may be asked from any thread."""
        return len(self._timers)

    def submit(self, jobs: Iterable[Job]) -> None:
        """Take jobs on; each comes back as an Outcome or as parked, unless the run ends before it is sent."""
        if self.error is not None:
            return
        for job in jobs:
            student = job.write.student
            if student is None:
                self._ready.append(job)
            elif student in self._queues:
                self._queues[student].append(job)
            else:
                self._queues[student] = deque()
                self._ready.append(job)
        self._pump()

    def hurry(self) -> None:
        """Try nothing again, and leave what is under way when the ODS has been silent for a moment."""
        if self._hurried or self.error is not None:
            return
        self._hurried, waiting = True, [*self._timers]
        for job in waiting:
            self._timers.pop(job).cancel()
            self._leave(job)
        self._heard_at = asyncio.get_running_loop().time()
        self._leave_when_silent()
        self._pump()

    def _leave_when_silent(self) -> None:
        loop = asyncio.get_running_loop()
        if (left_s := self._heard_at + _MOMENT_S - loop.time()) > 0:
            loop.call_later(left_s, self._leave_when_silent)
            return
        self._over = True
        for task in self._tasks:
            task.cancel()
        self._pump()

    async def cancel(self) -> None:
        """Drop everything; what is in flight stays unsure."""
        self.error = self.error or OdsError("The writing was abandoned.")
        self._silence()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._over and self._ready:
            self._leave(self._ready.popleft())
        while self._ready and self.error is None and len(self._tasks) < int(self.pace.limit):
            if (pause_s := self.pace.resume_at - loop.time()) > 0:
                self._alarm = loop.call_later(pause_s, self._pump)
                return
            job = self._ready.popleft()
            task = loop.create_task(self._work_on(job))
            self._tasks[task] = job
            task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        job = self._tasks.pop(task)
        if task.cancelled() and self.error is None:
            job.maybe_taken = True
            self._leave(job)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(error if isinstance(error, Exception) else RuntimeError("a write was interrupted"))
        if self.error is None:
            self._pump()
        elif not self._tasks:
            self._report(Ended(self.error))
        if not self._tasks:
            self._hand_over()

    async def _work_on(self, job: Job) -> None:
        """One job, and then whichever is ready: a task for each would leave its place empty for some turns of the
        loop."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while True:
            await self._work(job)
            if self.error is not None or not self._ready or len(self._tasks) > int(self.pace.limit):
                return
            if self._over or self.pace.resume_at > asyncio.get_running_loop().time():
                return
            job = self._tasks[task] = self._ready.popleft()
            self._pump()

    async def _work(self, job: Job) -> None:
        write = job.write
        if not job.alone and (closed := self._closing.closed(write)):
            self._settle(job, "pending", closed)
            return
        loop, began_in = asyncio.get_running_loop(), self.pace.round
        begun = loop.time()
        if job.attempts == 0:
            job.begun = begun
            self._budget.earn()
        job.attempts += 1
        try:
            answer = await self._send(write)
            if answer.status is not None:
                self._heard_at = loop.time()
            job.last = answer
            job.maybe_taken |= answer.sent and answer.status in (None, 502, 504)  # a gateway lost the answer
            verdict = judge(write.action, answer.status, answer.problem)
            if verdict is Verdict.PRECONDITION_FAILED:
                verdict, answer = await self._compare(write, answer)
        except OdsError as error:
            job.maybe_taken |= isinstance(error, PastLimit) and error.sent
            self._end(self._as_met(error))
            self._leave(job)
            return
        now = loop.time()
        if verdict in (Verdict.UNSURE, Verdict.UNAVAILABLE, Verdict.BUSY, Verdict.SERVER_ERROR):
            unavailable = verdict is not Verdict.SERVER_ERROR or _lost_its_database(answer)
            self.pace.failed(began_in, now, wait_s=answer.wait_s, counts=unavailable)
        else:
            self.pace.succeeded(now - begun)
        if verdict is Verdict.DELIVERED:
            self._closing.delivered(write)
            self._settle(job, "delivered", answer, await self._id_of(write, answer))
        elif verdict is Verdict.REFUSED:
            self._closing.refused(write, answer)
            # Where an earlier answer got lost, a refusal of the repeat does not say that nothing was taken.
            self._settle(job, "unsure" if job.maybe_taken else "refused", answer)
        elif verdict in (Verdict.LOGIN, Verdict.MISCONFIGURED):
            self._end(self._session.error(write.action, self._url(write), answer, verdict))
            self._leave(job)
        else:
            self._again(job, verdict, answer, now)

    def _as_met(self, error: OdsError) -> OdsError:
        """A refused login is another thing once records got through."""
        if isinstance(error, OdsRefusedLogin) and self._closing.any_delivered:
            facts = {name: getattr(error, name) for name in ("method", "path", "status", "correlation_id")}
            return OdsLostLogin(str(error), **facts)
        return error

    def _again(self, job: Job, verdict: Verdict, answer: Answer, now: float) -> None:
        too_long = bool(self._session.too_long(answer)) and verdict is not Verdict.SERVER_ERROR
        if self.pace.exhausted or too_long:
            self._end(self._unavailable(answer))
        wait_s = None
        if self.error is None and not job.alone and not self._hurried:
            wait_s = self._policy.next_wait_s(
                verdict,
                job.attempts,
                self._session.chance,
                elapsed_s=now - job.begun,
                retry_after_s=answer.wait_s,
            )
        if wait_s is not None and self._budget.spend():
            self._timers[job] = asyncio.get_running_loop().call_later(wait_s, self._retry, job)
        elif verdict is Verdict.SERVER_ERROR and self.error is None and not job.alone:
            self._closing.server_error(job.write, answer)
            self._report(Parked(job))
            self._next_of(job)
        elif verdict is Verdict.CONFLICT:
            self._settle(job, "refused", answer)
        else:
            self._leave(job)

    def _retry(self, job: Job) -> None:
        self._timers.pop(job, None)
        self._ready.append(
            job
        )  # behind the others: while the ODS is unavailable its probes are not all one record's
        self._pump()

    def _report(self, result: Outcome | Parked | Ended) -> None:
        """Results go over a few at a time: waking the other thread for each would cost more than its request."""
        if not self._unreported:
            asyncio.get_running_loop().call_later(_GATHER_S, self._hand_over)
        self._unreported.append(result)

    def _hand_over(self) -> None:
        if self._unreported:
            self.results.put(self._unreported)
            self._unreported = []

    def _leave(self, job: Job) -> None:
        self._report(unjudged(job))
        self._next_of(job)

    def _settle(self, job: Job, kind: Kind, answer: Answer, ed_fi_id: str | None = None) -> None:
        self._report(outcome_of(job, kind, answer, ed_fi_id))
        self._next_of(job)

    def _next_of(self, job: Job) -> None:
        student = job.write.student
        if student is not None and (waiting := self._queues.get(student)) is not None:
            if waiting:
                self._ready.append(waiting.popleft())
            else:
                del self._queues[student]

    def _end(self, error: Exception) -> None:
        """End the run: what waits for another try is reported as it is, what was never sent is dropped."""
        if self.error is not None:
            return
        self.error = error
        known = [*self._timers, *(job for job in self._ready if job.attempts)]
        self._silence()
        self._queues.clear()
        self._ready.clear()
        for job in known:
            self._leave(job)

    def _silence(self) -> None:
        for timer in (*self._timers.values(), *([self._alarm] if self._alarm else ())):
            timer.cancel()
        self._timers.clear()

    def _unavailable(self, answer: Answer) -> OdsUnavailable:
        what = answer.failure or (answer.problem.title if answer.problem else "")
        asked = f" {asked}" if (asked := self._session.too_long(answer)) else ""
        return OdsUnavailable(
            answer.delayed
            or f"Target '{self._session.target.name}' is unavailable ({answer.status or 'no answer'} {what}).{asked} "
            "What was delivered is kept; run again later, and the run resumes.",
            status=answer.status,
            correlation_id=answer.correlation_id,
        )

    def _url(self, write: Write) -> str:
        collection = self._session.addresses.collection(write.resource)
        return collection if write.action == "POST" else f"{collection}/{write.ed_fi_id}"

    async def _send(self, write: Write) -> Answer:
        return await self._session.attempt(
            write.action,
            self._url(write),
            content=write.content,
            if_match=write.etag if write.action != "POST" else None,
        )

    async def _compare(self, write: Write, answer: Answer) -> tuple[Verdict, Answer]:
        """After a 412: ours was perhaps written by a try whose answer got lost."""
        if write.ed_fi_id is None:
            return Verdict.REFUSED, answer
        try:
            found = await get_one(self._session, write.resource, write.ed_fi_id)
        except (OdsUnavailable, OdsRefusedLogin):
            raise
        except OdsError:  # such as 403: this key may no longer read it
            return Verdict.REFUSED, answer
        if write.action == "DELETE":
            return (Verdict.REFUSED if found else Verdict.DELIVERED), answer
        if found is None or not same_body(found.body, orjson.loads(write.body or b"{}")):
            return Verdict.REFUSED, answer
        headers = {"etag": found.etag} if found.etag else {}
        return Verdict.DELIVERED, Answer(200, answer.correlation_id, headers)

    async def _id_of(self, write: Write, answer: Answer) -> str | None:
        if write.action != "POST":
            return write.ed_fi_id
        *_, resource, ed_fi_id = [
            "",
            *answer.headers.get("location", "").partition("?")[0].rstrip("/").split("/"),
        ]
        if resource.casefold() == write.resource.rpartition("/")[2].casefold() and is_id(ed_fi_id):
            return ed_fi_id
        try:
            found = await find_one(self._session, write.resource, orjson.loads(write.body or b"{}"))
        except (OdsError, KeyError):
            return None  # delivered all the same; resync finds the id
        return found.id if found else None


def _lost_its_database(answer: Answer) -> bool:
    kinds = ("system:database-connection", "system:distributed-cache-error")
    return answer.problem is not None and answer.problem.is_a(*kinds)
