"""`cek_status`: where a case of ours stands, or an application at an agency; or, honestly, that we cannot see it.

The agency is asked outside every transaction. Nothing here says that something is granted or refused (P12): an agency's
state is given as the agency's, with its date.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.bot import BotReply
from handoff.catalogue import render
from handoff.connectors import Connector, Found, Unknown
from handoff.domain.case import Reason
from handoff.domain.status import Asked, asked, nothing_else
from handoff.services.case import cases, taking
from handoff.services.case.case_steps import doings
from handoff.services.case.cases import Facts, key_of
from handoff.services.runtime import Runtime
from handoff.services.talk import answers
from handoff.store import db
from handoff.store.schema import answers as given
from handoff.store.schema import cases as case_table
from handoff.texts import long_date, long_time

TOPIC = "cek_status"


@dataclass(frozen=True)
class Told:
    """What is said. `source`: whose record it comes from; without one nothing was seen, and the catalogue's entry
    follows, which says where to look: at the desk of `unit`. `case`: the case of this conversation that it is about."""

    text: str
    source: str | None = None
    unit: str | None = None
    case: UUID | None = None
    classification: dict[str, Any] = field(default_factory=dict)


def is_asked(reply: BotReply) -> bool:
    """Whether Rasa read the question as one for a status."""
    told = (one.custom for one in reply.replies if one.custom)
    return not reply.abstained and any(one.do == "answer" and one.topic == TOPIC for one in told)


async def by_number(runtime: Runtime, conversation: Row[Any], text: str) -> bool:
    """Whether the text needs no reading: a number alone, or the number that the answer before asked for."""
    if TOPIC not in runtime.catalogue.topics or conversation.last_case_id is not None:
        return False  # P5: a message after the closing reopens the case
    references = {reference for _, reference in runtime.connectors.serving(text, None)}
    if not references and asked(text) is None:
        return False
    if nothing_else(text, references):
        return True
    async with db.statement(runtime.pool) as connection:
        before = select(given.c.topic).where(given.c.id == conversation.last_answer_id)
        return (await connection.execute(before)).scalar_one_or_none() == TOPIC


async def look_up(runtime: Runtime, conversation: Row[Any], text: str, classification: dict[str, Any]) -> Told:
    """What can be said about the number in the text. No transaction is open meanwhile."""
    named = asked(text)
    serving = runtime.connectors.serving(text, conversation.last_topic)
    facts = await _own(runtime, conversation, named) if named or not serving else None
    if facts is not None:
        told = await _of_case(runtime, conversation, facts)
    elif len(serving) == 1:
        told = await _of_agency(runtime, *serving[0])
    elif serving:
        agencies = sorted({connector.agency for connector, _ in serving})
        told = Told(runtime.texts.say("status.which", agencies=agencies), source="")
    elif named is not None:
        told = Told(runtime.texts.say("status.not_yours", number=named.number))
    else:
        told = Told(_without_number(runtime))
    about = next((name for name in serving[0][0].topics if name != TOPIC), None) if serving else conversation.last_topic
    entry = runtime.catalogue.topics.get(about or "")
    return replace(told, classification=classification, unit=entry.unit if entry else None)


async def give(
    runtime: Runtime, connection: AsyncConnection, conversation: Row[Any], question_id: UUID, told: Told
) -> None:
    """Say it, as an answer with what it rests on (P8); part of the turn's transaction."""
    topic, today = runtime.catalogue.topics[TOPIC], runtime.today
    topic = topic.model_copy(update={"unit": told.unit or topic.unit})
    try:
        if told.source is None:
            prepared = await answers.prepare(
                runtime, connection, conversation, question_id, topic, "overview", told.classification,
                introduction=told.text,
            )
        else:
            rendered = replace(render.answer(topic, "overview", today), text=told.text, reviewed=today,
                               sources=[told.source] if told.source else [], related=[])
            prepared = await answers.prepare_rendered(
                runtime, connection, conversation, question_id, topic, "overview", rendered, told.classification
            )
    except answers.Suspended:
        await taking.take_in(runtime, connection, conversation, question_id, reason="suspended_answer", topic=TOPIC,
                            classification=told.classification)
        return
    if told.case is not None and told.case == conversation.open_case_id:
        prepared = replace(prepared, going=replace(prepared.going, case_id=told.case, shows_case=True))
    await answers.store(runtime, connection, conversation, prepared)
    await cases.settle(connection, question_id, "answer", runtime.clock())


# --- a case of ours ---------------------------------------------------------------------------------------------------


async def _own(runtime: Runtime, conversation: Row[Any], named: Asked | None) -> Facts | None:
    """The case, if this conversation has it or its key was shown. Of a confidential report nothing is ever said here:
    officers may read this conversation (docs/adr/0018)."""
    which = case_table.c.number == named.number if named else case_table.c.id == conversation.open_case_id
    async with db.statement(runtime.pool) as connection:
        row = (await connection.execute(select(case_table).where(which))).one_or_none()
        if row is None or not _may_know(runtime, conversation, row, named.key if named else None):
            return None
        return await cases.load(connection, row.id)


def _may_know(runtime: Runtime, conversation: Row[Any], row: Row[Any], key: str | None) -> bool:
    if row.reason == Reason.confidential_report.value:
        return False
    if row.conversation_id == conversation.id:
        return True
    if row.kept_from:  # whom it is about may be reading along
        return False
    return key is not None and hmac.compare_digest(key_of(runtime, row.id, row.key_version).encode(), key.encode())


async def _of_case(runtime: Runtime, conversation: Row[Any], facts: Facts) -> Told:
    steps = (await doings(runtime, facts)).steps
    said = runtime.texts.say(
        "status.case", **facts.said(), status=facts.row.status, closed_at=facts.row.closed_at,
        first_replied_at=facts.row.first_replied_at, last=steps[-1] if steps else None,
    )
    return Told(said, source=runtime.texts.say("status.our_record"), case=facts.id)


# --- an application at an agency --------------------------------------------------------------------------------------


async def _of_agency(runtime: Runtime, connector: Connector, reference: str) -> Told:
    outcome = await runtime.connectors.ask(connector, reference)
    facts = {"agency": connector.agency, "reference": reference}
    if isinstance(outcome, Found):
        now = long_time(runtime.clock(), runtime.catalogue.office.time_zone)
        return Told(runtime.texts.say(
            "status.found", **facts, state=outcome.state, sentence=connector.sentence(outcome.state),
            officer=outcome.officer, date=_day(outcome.date), now=now,
        ), source=connector.agency)
    if isinstance(outcome, Unknown):
        return Told(runtime.texts.say("status.unknown", **facts))
    return Told(runtime.texts.say("status.away", **facts))


def _day(said: str | None) -> str | None:
    """The agency's date in words, or as it stands."""
    if said is None:
        return None
    for read in (date.fromisoformat, lambda text: datetime.fromisoformat(text).date()):
        try:
            return long_date(read(said))
        except ValueError:
            continue
    return said


def _without_number(runtime: Runtime) -> str:
    """Nothing to look for: which numbers can be looked for here, or that none can."""
    return runtime.texts.say("status.which_number", agencies=[
        {"name": one.agency, "example": one.reference.example} for one in runtime.connectors.all
    ])
