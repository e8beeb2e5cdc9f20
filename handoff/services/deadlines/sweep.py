"""The last resort (P3, design §3 step 5): it needs neither Rasa, nor the action server, nor the job queue.

Web and worker both run it. A message that has waited longer than `WAJAH_BOT_TIMEOUT` without a fate goes to a person;
an outgoing message that a crash left behind is sent. Clocks whose time has come are looked at here too (P7), so that
deadlines hold while the job queue does not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, select

from handoff.services.deadlines import escalation
from handoff.services.post import sending
from handoff.services.rounds import each
from handoff.services.runtime import Runtime
from handoff.services.talk import turn
from handoff.store import db
from handoff.store.schema import messages

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
BATCH = 200
UNSENT = timedelta(seconds=5)  # a turn sends within milliseconds; what is older was left by a crash


async def once(runtime: Runtime) -> int:
    """One sweep. Returns how many messages were given to a person."""
    waited = timedelta(seconds=runtime.settings.bot_timeout)
    settled, beyond = 0, 0
    while not settled and (overdue := await _overdue(runtime, waited, beyond)):
        settled = await each(overdue, lambda one: turn.drain_without_bot(runtime, one, waited),
                             "the sweep could not settle conversation %s")
        beyond += BATCH  # a whole round that fails holds up none of the next one either
    await sending.dispatch_overdue(runtime, UNSENT)
    return settled


async def _overdue(runtime: Runtime, waited: timedelta, beyond: int) -> Sequence[UUID]:
    """The conversations in which a message has waited for longer, the longest first."""
    async with db.statement(runtime.pool) as connection:
        return (await connection.execute(
            select(messages.c.conversation_id).where(
                messages.c.author == "citizen", messages.c.fate.is_(None),
                or_(messages.c.created_at <= runtime.clock() - waited, messages.c.stored_at <= func.now() - waited),
            ).group_by(messages.c.conversation_id).order_by(func.min(messages.c.stored_at)).limit(BATCH).offset(beyond)
        )).scalars().all()


async def forever(runtime: Runtime) -> None:
    """Sweep until cancelled: messages, and beside them the clocks, so that neither waits for the other's backlog."""
    async with asyncio.TaskGroup() as both:
        both.create_task(_again_and_again(runtime, once, logging.WARNING, "%d waiting messages given to officers"))
        both.create_task(_again_and_again(runtime, escalation.once, logging.INFO, "%d marks of clocks reached"))


async def _again_and_again(
    runtime: Runtime, sweep: Callable[[Runtime], Awaitable[int]], level: int, told: str
) -> None:
    """An absent database is waited for; whatever else fails is tried again."""
    while True:
        try:
            if done := await sweep(runtime):
                log.log(level, told, done)
        except db.DatabaseAway:
            log.warning("the sweep waits for the database")
        except Exception:
            log.exception("the sweep failed; it tries again")
        await asyncio.sleep(EVERY_SECONDS)
