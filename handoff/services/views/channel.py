"""How WhatsApp runs, in figures for the operator; nothing in them is a citizen's."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from handoff.services.runtime import Runtime
from handoff.store import db

_NUMBERS = text("""
SELECT coalesce(p.number_id, s.number_id) AS number_id, s.number_id IS NOT NULL AS stopped,
    coalesce(p.free_at > clock_timestamp() + interval '1 second' OR (p.slowed > 0
        AND p.slowed_at > clock_timestamp() - p.slowed * interval '30 seconds'), false) AS slowed
FROM whatsapp_paces p FULL JOIN whatsapp_stops s USING (number_id)
""")
# What was posted within the hour; what is carried by another one's message counts with it.
_SENDS = text("""
SELECT CASE state WHEN 'accepted' THEN delivery ELSE state END AS outcome, count(*) AS number FROM whatsapp_sends
WHERE claimed_at > clock_timestamp() - interval '1 hour' AND carrier_id IS NULL GROUP BY 1
""")
_WAITING = text("""
SELECT count(*) FILTER (WHERE m.delivery = 'waiting_window' AND m.delivered_at IS NULL) AS for_window,
    count(*) FILTER (WHERE m.delivery <> 'waiting_window') AS for_number,
    extract(epoch FROM CAST(:now AS timestamptz) - min(m.created_at)) AS oldest
FROM outbox o JOIN messages m ON m.id = o.message_id WHERE o.state = 'handed'
""")
_TEMPLATES = text("""
SELECT count(*) FROM whatsapp_invitations
WHERE state = 'failed' AND code BETWEEN 132000 AND 132999 AND created_at > CAST(:now AS timestamptz) - interval '1 day'
""")
OUTCOMES = ("sending", "waiting", "failed", "sent", "delivered", "read")


@dataclass(frozen=True)
class Figures:
    """`numbers`: by id, whether it is stopped and whether it is slowed down. `sends`: posts of the last hour by where
    they stand. `for_window` waits for citizens to write, `for_number` for us; the oldest of both in seconds."""

    numbers: dict[str, tuple[bool, bool]]
    sends: dict[str, int]
    for_window: int
    for_number: int
    oldest_seconds: float
    templates_failed: int


async def figures(runtime: Runtime) -> Figures:
    """As of now."""
    configured = runtime.settings.whatsapp.offices if runtime.settings.whatsapp is not None else {}
    async with db.transaction(runtime.pool) as connection:
        numbers = (await connection.execute(_NUMBERS)).all()
        sends = (await connection.execute(_SENDS)).all()
        waiting = (await connection.execute(_WAITING, {"now": runtime.clock()})).one()
        failed = (await connection.execute(_TEMPLATES, {"now": runtime.clock()})).scalar_one()
    known = dict.fromkeys(configured, (False, False)) | {row.number_id: (row.stopped, row.slowed) for row in numbers}
    stands = dict.fromkeys(OUTCOMES, 0) | {row.outcome: int(row.number) for row in sends}
    return Figures(known, stands, waiting.for_window, waiting.for_number, max(0.0, float(waiting.oldest or 0)),
                   int(failed))
