"""*Data saya* in the chat: said in words or by a button, whoever owns the conversation. What is answered is private to
the citizen; the officer of an open case learns of a wish to be erased from the case's record."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain import own_data
from handoff.services.case import cases
from handoff.services.people import office
from handoff.services.post.outbox import Outgoing, button, store
from handoff.services.rights import erasing, held, links
from handoff.services.runtime import Runtime
from handoff.services.talk import consents
from handoff.store import db

KIND = "data"  # of buttons
LOOKS_TOLD = 5


async def carried_out(runtime: Runtime, conversation_id: UUID, message_id: UUID, text: str) -> bool:
    """Whether the text was such a wish and nothing else; it is carried out now."""
    wanted = own_data.wish(text)
    return wanted is not None and await _do(runtime, conversation_id, message_id, wanted.value, typed=True)


async def tapped(runtime: Runtime, conversation_id: UUID, message_id: UUID, rest: str) -> None:
    """One of our buttons."""
    await _do(runtime, conversation_id, message_id, rest, typed=False)


async def _do(runtime: Runtime, conversation_id: UUID, message_id: UUID, what: str, *, typed: bool) -> bool:
    while True:
        done = await _try(runtime, conversation_id, message_id, what, typed=typed)
        if done is not None:
            return done


async def _try(runtime: Runtime, conversation_id: UUID, message_id: UUID, what: str, *, typed: bool) -> bool | None:
    """None when the conversation was joined with another history between the look and the locks."""
    async with db.transaction(runtime.pool) as connection:
        citizen_id = await held.citizen_of(connection, conversation_id)
        locked = await held.lock(connection, citizen_id)
        if conversation_id not in locked:
            return None
        if await cases.has_fate(connection, message_id):
            return True
        desk = _Desk(runtime, connection, citizen_id, locked, locked[conversation_id], message_id)
        name, _, rest = what.partition(":")
        if name == own_data.Wish.keep.value and typed and await erasing.waiting(connection, citizen_id) is None:
            return False  # nothing to keep: the words mean something else
        await WAYS.get(name, _Desk.outdated)(desk, rest)
        await cases.settle(connection, message_id, "command", runtime.clock())
    return True


def agreed_to(open_cases: Sequence[Row[Any]]) -> str:
    """Names the open cases that a question listed: an answer to it holds for these and no others."""
    listed = ",".join(sorted(str(case.id) for case in open_cases))
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Desk:
    """One wish being carried out, inside a transaction that holds the locks of the citizen's conversations."""

    runtime: Runtime
    connection: AsyncConnection
    citizen_id: UUID
    locked: dict[UUID, Row[Any]]
    conversation: Row[Any]
    message_id: UUID

    async def see(self, _: str) -> None:
        """What is kept, why, how long, and who looked."""
        kept = await held.count(self.connection, self.citizen_id)
        await held.note(self.runtime, self.connection, self.citizen_id, "seen")
        await self._say("overview", ("copy", "erase"), kept=kept, looks=kept.looks[:LOOKS_TOLD],
                        others=len(kept.looks) - LOOKS_TOLD, url=f"{self.runtime.settings.base_url}/privasi",
                        confidential=self.conversation.confidential,
                        waiting=await erasing.waiting(self.connection, self.citizen_id))

    async def copy(self, _: str) -> None:
        """A one-time link."""
        link = await links.make(self.runtime, self.connection, self.citizen_id)
        if link is None:
            await self._say("too_many", ())
        else:
            await self._say("copy", (), link=link, minutes=int(links.VALID.total_seconds() // 60))

    async def erase(self, _: str) -> None:
        """Say exactly what goes and what stays, and ask."""
        if (row := await erasing.waiting(self.connection, self.citizen_id)) is not None:
            await self._say("waiting", ("keep",), due_at=row.due_at)
            return
        kept = await held.count(self.connection, self.citizen_id)
        yes = "data_erase_withdraw" if kept.open_cases else "data_erase_yes"
        await self._say("confirm", (), kept=kept, confidential=self.conversation.confidential,
                        more=(button(self.runtime, yes, f"{KIND}:erase_yes:{agreed_to(kept.open_cases)}"),
                              button(self.runtime, "data_copy", f"{KIND}:copy"),
                              button(self.runtime, "data_keep", f"{KIND}:keep")))

    async def erase_yes(self, listed: str) -> None:
        """Confirmed, if what was said is still true."""
        if (row := await erasing.waiting(self.connection, self.citizen_id)) is not None:
            await self._say("waiting", ("keep",), due_at=row.due_at)
            return
        open_cases = [case for case in await held.cases_of(self.connection, self.citizen_id) if case.status != "closed"]
        if listed != agreed_to(open_cases):
            await self.erase(listed)
            return
        asked = await erasing.ask(self.runtime, self.connection, self.citizen_id, open_cases, self.locked)
        await self._say("asked", ("keep",), due_at=asked.due_at, cases=open_cases,
                        receipt=f"{self.runtime.settings.base_url}/data/bukti/{asked.receipt}")

    async def keep(self, _: str) -> None:
        """*Jangan dihapus*: before it was confirmed, and for a day after."""
        taken = await erasing.keep(self.runtime, self.connection, self.citizen_id, self.locked)
        await self._say("kept" if taken else "not_erased", ())

    async def withdraw(self, _: str) -> None:
        """*Tarik persetujuan*, in words. Over WhatsApp nobody was asked for any (docs/adr/0013): what can be done is
        said."""
        web = self.conversation.channel == "web"
        if web:
            await consents.say_in(self.runtime, self.connection, self.conversation, None, False)
        await self._say("consent_withdrawn" if web else "consent_whatsapp", ("erase",))

    async def outdated(self, _: str) -> None:
        await self._store(self.runtime.texts.say("chat.outdated_button"), ())

    async def _say(
        self, sentence: str, buttons: Sequence[str], more: tuple[dict[str, str], ...] = (), **facts: Any
    ) -> None:
        unit = await office.unit_for(self.connection, None, self.conversation.office_id)
        said = self.runtime.texts.say(f"rights.{sentence}", zone=unit.zone, **facts)
        await self._store(said, (*(button(self.runtime, f"data_{one}", f"{KIND}:{one}") for one in buttons), *more))

    async def _store(self, said: str, buttons: tuple[dict[str, str], ...]) -> None:
        now = self.locked[self.conversation.id]
        await store(self.runtime, self.connection, now, [Outgoing(
            "system", said, buttons, in_reply_to=self.message_id, private=True,
        )])


WAYS: dict[str, Callable[[_Desk, str], Awaitable[None]]] = {
    "see": _Desk.see, "copy": _Desk.copy, "erase": _Desk.erase, "erase_yes": _Desk.erase_yes, "keep": _Desk.keep,
    "withdraw": _Desk.withdraw,
}
