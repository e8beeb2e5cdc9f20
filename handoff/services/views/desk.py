"""What officers look at: lists of cases, one case in full. Who sees what is `domain.access`; every look at a case is
written down in the transaction that reads it (P11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Text,
    all_,
    and_,
    case,
    cast,
    false,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.access import OFFICE_WIDE, Matter, Permission, Viewer, allows, may
from handoff.domain.case import UNIT_ROLES, Reason, Role, Status
from handoff.domain.identity import mask
from handoff.domain.status import without_keys
from handoff.services.errors import Forbidden, NotFound
from handoff.services.post import numbers
from handoff.services.runtime import Runtime
from handoff.services.talk.conversations import PAGE, file_in, local_time, read_in
from handoff.services.views import arriving, merged
from handoff.store import db
from handoff.store.crypto import ContentGone, unseal_json
from handoff.store.schema import answers, case_items, cases, conversations, messages, officers, units
from handoff.store.schema_clocks import mails
from handoff.store.schema_desk import read_marks
from handoff.store.schema_moves import confidential_reports
from handoff.store.schema_record import access_log, case_events

Scope = Literal["mine", "unit", "all"]
LISTED = 200

# What of an event's body tells nothing that a citizen said or was: shown to those who may not read words.
_WORDLESS = frozenset({
    "reason", "topic", "respond_by", "resolve_by", "respond_by_was", "resolve_by_was", "reply_by", "reply_by_was",
    "clock", "due_at", "officer_id", "officer_was", "unit_id", "on_duty", "was_closed", "closed_at", "cause",
    "because", "kept_from", "stars",
})

_KEPT_FROM = (
    select(confidential_reports.c.kept_from).where(confidential_reports.c.case_id == cases.c.id).correlate(cases)
    .scalar_subquery()
)
_NOBODY = literal([], confidential_reports.c.kept_from.type)

#: Whatever is urgent and open, then the next deadline, then what was closed last; `OPEN_FIRST` and `CLOSED_LAST` are
#: the same among open ones and among closed ones, in the order of their indexes.
PRESSING = (
    and_(cases.c.urgent, cases.c.status != Status.closed.value).desc(), cases.c.next_deadline.nulls_last(),
    cases.c.closed_at.desc(), cases.c.number,
)
OPEN_FIRST = (cases.c.urgent.desc(), cases.c.next_deadline, cases.c.number)
CLOSED_LAST = (cases.c.closed_at.desc(), cases.c.number)
#: No parameters: only then does a plan that is kept use the indexes of open and of closed ones.
IS_OPEN, IS_CLOSED = cases.c.status != literal_column("'closed'"), cases.c.status == literal_column("'closed'")
_asked_unit, _asked = units.alias("asked_unit"), officers.alias("asked")
_dismisser, _leader, _target = officers.alias("dismisser"), officers.alias("leader"), cases.alias("target")
#: When the newest mail to the citizen did not arrive; None when it did, or there was none.
_UNREACHED = (
    select(case((mails.c.state != "sent", mails.c.settled_at))).where(
        mails.c.case_id == cases.c.id, mails.c.contact_id.isnot(None), mails.c.settled_at.isnot(None),
    ).order_by(mails.c.settled_at.desc()).limit(1).correlate(cases).scalar_subquery()
)
CASES = (
    select(
        cases, officers.c.name.label("officer_name"), officers.c.title.label("officer_title"),
        units.c.slug.label("unit_slug"), units.c.name.label("unit_name"), units.c.zone, conversations.c.channel,
        conversations.c.next_seq, conversations.c.data_key_id, _KEPT_FROM.label("report_kept_from"),
        and_(conversations.c.open_case_id == cases.c.id, conversations.c.owner_officer_id.isnot(None)).label("owned"),
        _asked_unit.c.slug.label("asked_slug"), _asked_unit.c.name.label("asked_unit"),
        _asked.c.name.label("asked_name"), _asked.c.title.label("asked_title"), _dismisser.c.name.label("dismisser"),
        _leader.c.name.label("leader_name"), _leader.c.title.label("leader_title"),
        _target.c.number.label("merged_number"), _UNREACHED.label("mail_failed_at"),
        arriving.SINCE.label("reply_undelivered_since"),
    )
    .join(officers, officers.c.id == cases.c.officer_id).join(units, units.c.id == cases.c.unit_id)
    .join(conversations, conversations.c.id == cases.c.conversation_id)
    .outerjoin(_asked_unit, _asked_unit.c.id == cases.c.transfer_unit_id)
    .outerjoin(_asked, _asked.c.id == cases.c.transfer_officer_id)
    .outerjoin(_dismisser, _dismisser.c.id == cases.c.dismissal_by)
    .outerjoin(_leader, _leader.c.id == cases.c.supervisor_id)
    .outerjoin(_target, _target.c.id == cases.c.merged_into)
)


@dataclass(frozen=True)
class Change:
    """Something happened to a case: ids only. `seq` is the conversation's last message number."""

    number: str
    seq: int
    matter: Matter


def viewer(officer: Row[Any]) -> Viewer:
    """The officer as the rules of access see them."""
    return Viewer(str(officer.id), Role(officer.role), str(officer.unit_id))


async def cases_of(
    runtime: Runtime, officer: Row[Any], scope: Scope, status: Status | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """At most `LISTED` cases from `offset` on, urgent ones and then the next deadline first, closed ones last and
    latest first. Without a status, the open ones. No word of a citizen is in it. Raises `Forbidden`."""
    closed = status is Status.closed
    which = [IS_CLOSED if closed else IS_OPEN, *([cases.c.status == status.value] if status and not closed else [])]
    query = CASES.where(*within(officer, scope), *which).order_by(*(CLOSED_LAST if closed else OPEN_FIRST))
    async with db.statement(runtime.pool) as connection:
        rows = (await connection.execute(query.limit(LISTED).offset(offset))).all()
    return [line_of(row) for row in rows]


def within(officer: Row[Any], scope: Scope) -> list[ColumnElement[bool]]:
    """What a case of this list fulfils. Raises `Forbidden` when the officer has no such list."""
    role = Role(officer.role)
    if not allows(role, Permission.see_cases) or (scope == "all" and role not in OFFICE_WIDE):
        raise Forbidden()
    if scope == "mine":
        return [cases.c.officer_id == officer.id]
    if scope == "unit":
        return [cases.c.unit_id == officer.unit_id, seen_by(officer, Permission.see_cases, own_unit=True)]
    return [seen_by(officer, Permission.see_cases)]


def seen_by(officer: Row[Any], permission: Permission, *, own_unit: bool = False) -> ColumnElement[bool]:
    """`domain.access.may` as a condition on cases, for lists that are too long to be asked one by one. `own_unit`: of
    cases of the officer's own unit, which then need not be asked again: the database can go by the unit's index."""
    role = Role(officer.role)
    if not allows(role, permission):
        return false()
    others: ColumnElement[bool] = true()
    if role not in OFFICE_WIDE:
        concerned = or_(cases.c.unit_id == officer.unit_id, cases.c.transfer_unit_id == officer.unit_id)
        others = (true() if own_unit else concerned) if role in UNIT_ROLES else false()
    open_to_all = cases.c.reason != Reason.confidential_report.value
    if permission is Permission.see_cases and role is Role.auditor:
        open_to_all = or_(open_to_all, officer.id != all_(func.coalesce(_KEPT_FROM, _NOBODY)))
    return or_(cases.c.officer_id == officer.id, and_(others, open_to_all, officer.id != all_(cases.c.kept_from)))


async def summary(runtime: Runtime, officer: Row[Any], number: str) -> dict[str, Any]:
    """One line of the list. Raises `Forbidden`, `NotFound`."""
    async with db.statement(runtime.pool) as connection:
        return line_of(await _find(connection, officer, number))


async def locate(runtime: Runtime, officer: Row[Any], number: str) -> UUID:
    """The id of a case that the officer may act on, as far as that needs reading it. Raises `Forbidden`, `NotFound`."""
    async with db.statement(runtime.pool) as connection:
        row = await _find(connection, officer, number)
    if not may(viewer(officer), Permission.read_words, _matter(row)):
        raise Forbidden()
    found: UUID = row.id
    return found


async def open_file(
    runtime: Runtime, officer: Row[Any], number: str, file_id: UUID
) -> tuple[Row[Any], bytes, str]:
    """A file of the case, or of one that it has taken in: its row, data key and name. Raises `Forbidden`, `NotFound`.
    """
    async with db.transaction(runtime.pool) as connection:
        row = await _find(connection, officer, number)
        if not may(viewer(officer), Permission.read_words, _matter(row)):
            raise Forbidden()
        conversation_id = await merged.conversation_with(connection, row.id, file_id)
        await _looked(runtime, connection, officer, conversation_id, "file")
        return await file_in(runtime, connection, conversation_id, file_id)


async def case_in_full(runtime: Runtime, officer: Row[Any], number: str, after: int | None = None) -> dict[str, Any]:
    """The case with its events and, for who may read words, its matters and the conversation with notes: the messages
    after the number `after`, or the newest. Raises `Forbidden`, `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        row = await _find(connection, officer, number)
        words = may(viewer(officer), Permission.read_words, _matter(row))
        await _looked(runtime, connection, officer, row.conversation_id, "case" if words else "events")
        shown = {**line_of(row), "words": words, "events": await _events(runtime, connection, row, words)}
        if words:
            start = max(0, row.next_seq - 1 - PAGE) if after is None else after
            shown["messages"] = await _messages(runtime, connection, row, start)
            shown["items"] = await _items(connection, row)
            shown["merged_files"] = await _merged_files(runtime, connection, officer, row)
            shown["sender_name"] = await _sender_name(runtime, connection, row)
        await _arriving(runtime, connection, row, shown)
    return shown


async def _arriving(runtime: Runtime, connection: AsyncConnection, row: Row[Any], shown: dict[str, Any]) -> None:
    """Until when WhatsApp lets anything through, and what of ours has not come to hand, with the reason."""
    shown |= {"window_until": None, "window_open": None, "undelivered_reply": None}
    for one in shown.get("messages", ()):
        one["delivery_reason"] = None
    if row.channel != "whatsapp":
        return
    now = await arriving.standing(connection, row.conversation_id)
    shown["window_until"] = local_time(now.window_ends, row.zone) if now.window_ends else None
    shown["window_open"] = now.window_ends is not None and runtime.clock() < now.window_ends
    await arriving.tell(runtime, connection, now, shown.get("messages", ()))
    if row.reply_undelivered_since is not None:
        shown["undelivered_reply"] = await arriving.of_case(runtime, connection, now, row)


async def mark_read(runtime: Runtime, officer: Row[Any], number: str, seq: int) -> None:
    """The officer has read the case's conversation up to the message `seq`; a mark never goes back. Raises `Forbidden`,
    `NotFound`."""
    async with db.transaction(runtime.pool) as connection:
        row = await _find(connection, officer, number)
        if not may(viewer(officer), Permission.read_words, _matter(row)):
            raise Forbidden()
        mark = upsert(read_marks).values(
            officer_id=officer.id, conversation_id=row.conversation_id, seq=min(seq, row.next_seq - 1)
        )
        await connection.execute(mark.on_conflict_do_update(
            index_elements=["officer_id", "conversation_id"],
            set_={"seq": func.greatest(read_marks.c.seq, mark.excluded.seq)},
        ))


async def changes(runtime: Runtime, conversation_ids: set[UUID]) -> list[Change]:
    """The newest case of each conversation that has one."""
    query = (
        select(cases.c.number, cases.c.officer_id, cases.c.unit_id, cases.c.reason, cases.c.transfer_unit_id,
               cases.c.kept_from, _KEPT_FROM.label("report_kept_from"),
               conversations.c.next_seq)
        .ext(distinct_on(cases.c.conversation_id)).join(conversations, conversations.c.id == cases.c.conversation_id)
        .where(cases.c.conversation_id.in_(conversation_ids))
        .order_by(cases.c.conversation_id, cases.c.opened_at.desc())
    )
    async with db.statement(runtime.pool) as connection:
        return [Change(row.number, row.next_seq - 1, _matter(row)) for row in (await connection.execute(query)).all()]


async def _find(connection: AsyncConnection, officer: Row[Any], number: str) -> Row[Any]:
    """The case, if the officer may know of it; a case of others and none at all are told alike."""
    if not allows(Role(officer.role), Permission.see_cases):
        raise Forbidden()
    row = (await connection.execute(CASES.where(cases.c.number == number))).one_or_none()
    if row is None or not may(viewer(officer), Permission.see_cases, _matter(row)):
        raise NotFound()
    return row


def _matter(row: Any) -> Matter:
    offered = str(row.transfer_unit_id) if row.transfer_unit_id else None
    return Matter(str(row.officer_id), str(row.unit_id), row.reason == Reason.confidential_report.value, offered,
                  frozenset(map(str, (*row.kept_from, *(row.report_kept_from or ())))))


async def _looked(
    runtime: Runtime, connection: AsyncConnection, officer: Row[Any], conversation_id: UUID, what: str
) -> None:
    await connection.execute(insert(access_log).values(
        officer_id=officer.id, conversation_id=conversation_id, what=what, at=runtime.clock()
    ))


def line_of(row: Row[Any]) -> dict[str, Any]:
    def told(name: str) -> str | None:
        at = getattr(row, name)
        return local_time(at, row.zone) if at else None

    return {
        "number": row.number, "status": row.status, "closed_reason": row.closed_reason, "reason": row.reason,
        "topic": row.topic, "urgent": row.urgent, "channel": row.channel, "owner": "officer" if row.owned else "bot",
        "officer": {"id": str(row.officer_id), "name": row.officer_name, "title": row.officer_title},
        "unit": {"slug": row.unit_slug, "name": row.unit_name}, "last_seq": row.next_seq - 1,
        "offer": {"unit": {"slug": row.asked_slug, "name": row.asked_unit},
                  "officer": {"id": str(row.transfer_officer_id), "name": row.asked_name, "title": row.asked_title},
                  } if row.transfer_unit_id else None,
        "dismissal_by": {"id": str(row.dismissal_by), "name": row.dismisser} if row.dismissal_by else None,
        "supervisor": {"name": row.leader_name, "title": row.leader_title} if row.supervisor_id else None,
        "merged_into": row.merged_number,
        **{name: told(name) for name in ("opened_at", "waiting_since", "respond_by", "reply_by", "resolve_by",
                                         "next_deadline", "first_replied_at", "proposed_at", "closed_at",
                                         "undelivered_since", "mail_failed_at", "reply_undelivered_since")},
    }


async def _messages(runtime: Runtime, connection: AsyncConnection, row: Row[Any], after: int) -> list[dict[str, Any]]:
    shown = await read_in(runtime, connection, row.conversation_id, after, with_notes=True)
    given = await _answers(connection, [UUID(m["answer"]["id"]) for m in shown if m["answer"]])
    for message in shown:
        if message["answer"]:
            message["answer"] = given[message["answer"]["id"]]
        if message["case"]:
            del message["case"]["url"]  # its key is the citizen's: who has it can close the case
        message["text"] = without_keys(message["text"])  # and so is a key within words, whoever wrote them
        if message["author"] == "citizen":  # who needs the numbers says why: services.reveal
            masked = mask(message["text"])
            message["text"], message["masked"] = masked.text, list(masked.found)
        for file in message["attachments"]:
            file["name"] = mask(file["name"]).text
            file["url"] = f"/api/v1/officer/cases/{row.number}/files/{file['id']}"
    return shown


async def _sender_name(runtime: Runtime, connection: AsyncConnection, row: Row[Any]) -> str | None:
    """What the citizen calls themself on WhatsApp, with identity numbers masked; None when nobody told, or it is
    gone."""
    try:
        name = await numbers.called(runtime, connection, row.conversation_id)
    except ContentGone:
        return None
    return mask(name).text if name else None


async def _merged_files(
    runtime: Runtime, connection: AsyncConnection, officer: Row[Any], row: Row[Any]
) -> list[dict[str, Any]]:
    """What was sent under the numbers that the case has taken in; a look at those conversations too."""
    files = await merged.files_in(runtime, connection, row.id)
    for conversation_id in dict.fromkeys(file.conversation_id for file in files):
        await _looked(runtime, connection, officer, conversation_id, "files")
    return [
        {**file.as_json(), "name": mask(file.name).text, "url": f"/api/v1/officer/cases/{row.number}/files/{file.id}"}
        for file in files
    ]


async def _items(connection: AsyncConnection, row: Row[Any]) -> list[dict[str, Any]]:
    """What the case is about, each matter with the answer that it disputes."""
    rows = (await connection.execute(
        select(case_items, messages.c.seq).join(messages, messages.c.id == case_items.c.message_id)
        .where(case_items.c.case_id == row.id).order_by(messages.c.seq)
    )).all()
    disputed = await _answers(connection, [item.answer_id for item in rows if item.answer_id])
    return [{"seq": item.seq, "reason": item.reason, "created_at": local_time(item.created_at, row.zone),
             "answer": disputed.get(str(item.answer_id))} for item in rows]


async def _answers(connection: AsyncConnection, ids: list[UUID]) -> dict[str, dict[str, Any]]:
    """Everything that these automated answers rested on (P8), by id."""
    if not ids:
        return {}
    question = messages.alias("question")
    rows = (await connection.execute(
        select(answers, messages.c.seq, messages.c.delivery, question.c.seq.label("question_seq"))
        .join(messages, messages.c.id == answers.c.message_id).join(question, question.c.id == answers.c.question_id)
        .where(answers.c.id.in_(ids))
    )).all()
    return {str(row.id): {
        "id": str(row.id), "seq": row.seq, "question_seq": row.question_seq, "withheld": row.delivery == "withheld",
        "topic": row.topic, "aspect": row.aspect, "step": row.step, "intent": row.intent, "confidence": row.confidence,
        "threshold": row.threshold, "ranking": row.ranking, "model_version": row.model_version,
        "catalogue_version": row.catalogue_version, "sources": row.sources, "reviewed": row.reviewed.isoformat(),
        "helped": row.helped_at is not None,
    } for row in rows}


async def _events(
    runtime: Runtime, connection: AsyncConnection, row: Row[Any], words: bool
) -> list[dict[str, Any]]:
    actor = officers.alias("actor")
    rows = (await connection.execute(
        select(case_events, actor.c.name.label("actor_name"), actor.c.title.label("actor_title"))
        .outerjoin(actor, and_(case_events.c.actor_kind == "officer", cast(actor.c.id, Text) == case_events.c.actor_id))
        .where(case_events.c.case_id == row.id).order_by(case_events.c.seq)
    )).all()
    try:
        data_key = await runtime.keyring.open(connection, row.data_key_id)
    except ContentGone:
        data_key = None  # erased at the citizen's wish
    return [{
        "seq": event.seq, "type": event.type, "at": local_time(event.at, row.zone), "actor": event.actor_kind,
        "officer": {"name": event.actor_name, "title": event.actor_title} if event.actor_name else None,
        "body": _body(data_key, event, words),
    } for event in rows]


def _body(data_key: bytes | None, event: Row[Any], words: bool) -> dict[str, Any] | None:
    if data_key is None:
        return None
    body: dict[str, Any] = unseal_json(data_key, event.id, event.body_enc)
    if "comment" in body:  # the citizen's words beside their stars are read as their messages are
        body["comment"] = mask(without_keys(str(body["comment"]))).text
    return body if words else {name: value for name, value in body.items() if name in _WORDLESS}
