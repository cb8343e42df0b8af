"""The caller's side of writing: pulling records, yielding outcomes.

1. Records are pulled in the caller's thread just before they are sent, so an attempt can be on disk first.
2. When the ODS is unavailable, what is known is reported and the run ends; what was never sent is not reported.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from edfi_toolkit.ods.write import Ended, Job, Outcome, Parked, Write, unjudged
from edfi_toolkit.ods.writer import Writer

_TICK_S = 0.2
_MOST_WAITING = 1_000  # records that wait for another try hold up no others, up to so many


def outcomes(
    writer: Writer,
    submit: Callable[[list[Job]], None],
    items: Iterable[Write],
    *,
    ahead: int,
    tick: Callable[[], None],
) -> Iterator[Outcome]:
    """Pull items and yield outcomes, in the caller's thread; `submit` hands jobs to the writer's loop.

    tick: called now and then while no outcome comes.
    """
    source, more, failure = iter(items), True, None
    in_hand = 0
    parked: list[Job] = []
    while True:
        batch: list[Job] = []
        while more and in_hand - min(writer.waiting, _MOST_WAITING) < ahead:
            try:
                batch.append(Job(next(source)))
            except StopIteration:
                more = False
            except Exception as error:  # raised again once those in flight are reported
                more, failure = False, error
            else:
                in_hand += 1
        if batch:
            submit(batch)
        if not more and not in_hand:
            if not parked:
                break
            # Errors inside the server that lasted: once more, alone, when nothing else can be in their way.
            job = parked.pop(0)
            job.alone, in_hand = True, 1
            submit([job])
        for result in _awaited(writer.results, tick):
            if isinstance(result, Ended):
                yield from (unjudged(job) for job in parked)
                raise result.error
            in_hand -= 1
            if isinstance(result, Parked):
                parked.append(result.job)
            else:
                yield result
    if writer.error is not None:  # set before the outcome that ended the run was reported
        raise writer.error
    if failure is not None:
        raise failure


def _awaited(results: queue.SimpleQueue[list[Any]], tick: Callable[[], None]) -> list[Any]:
    while True:
        with suppress(queue.Empty):
            return results.get(timeout=_TICK_S)
        tick()
