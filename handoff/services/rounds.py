"""Going through many, one transaction each: one that fails holds up none of the others."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from handoff.store.db import DatabaseAway

log = logging.getLogger(__name__)


async def each[T](items: Iterable[T], do: Callable[[T], Awaitable[int]], failed: str) -> int:
    """Do it with every one, in order. Returns the sum of what `do` returns.

    What fails is logged, in the words of `failed` with the item for its `%s`, and the next one has its turn; the round
    after this one tries it again. Raises `DatabaseAway`: then none of the others would go well either.
    """
    done = 0
    for item in items:
        try:
            done += await do(item)
        except DatabaseAway:
            raise
        except Exception:
            log.exception(failed, item)
    return done
