"""Further tables: whose conversation a WhatsApp number is, and what Meta reported; conventions as in `store.schema`.

No number and no message id of WhatsApp (which holds the number) stands here readable (docs/adr/0028).
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from handoff.store.schema import _at, _id, _one_of, metadata

whatsapp_addresses = Table(  # a citizen as one of our numbers knows them; a row for each number they ever had
    "whatsapp_addresses", metadata, _id(),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("office_id", ForeignKey("offices.id"), nullable=False),
    Column("number_id", String(64), nullable=False),  # the office's number, by Meta's id of it
    Column("wa_hash", LargeBinary, nullable=True),    # keyed hash: finds the citizen without reading the number
    Column("wa_enc", LargeBinary, nullable=True),
    Column("user_hash", LargeBinary, nullable=True),  # Meta's own id of the person
    Column("user_enc", LargeBinary, nullable=True),
    Column("parent_hash", LargeBinary, nullable=True),  # the same across all numbers of one owner
    Column("parent_enc", LargeBinary, nullable=True),
    Column("name_enc", LargeBinary, nullable=True),  # what they call themselves
    # A number that was given up is not current: whoever gets it next is somebody else. Erased, it is not known at all.
    Column("current", Boolean, nullable=False, server_default=text("true")),
    _at("created_at"),
    CheckConstraint("wa_hash IS NOT NULL OR user_hash IS NOT NULL OR NOT current", name="known_by_something"),
    CheckConstraint("(wa_hash IS NULL) = (wa_enc IS NULL) AND (user_hash IS NULL) = (user_enc IS NULL)"
                    " AND (parent_hash IS NULL) = (parent_enc IS NULL)", name="hashed_and_sealed"),
)
Index("uq_whatsapp_addresses_wa", whatsapp_addresses.c.number_id, whatsapp_addresses.c.wa_hash, unique=True,
      postgresql_where=whatsapp_addresses.c.current)
Index("ix_whatsapp_addresses_user", whatsapp_addresses.c.number_id, whatsapp_addresses.c.user_hash,
      postgresql_where=whatsapp_addresses.c.user_hash.isnot(None))
Index("ix_whatsapp_addresses_parent", whatsapp_addresses.c.number_id, whatsapp_addresses.c.parent_hash,
      postgresql_where=whatsapp_addresses.c.parent_hash.isnot(None))
Index("ix_whatsapp_addresses_wa_hash", whatsapp_addresses.c.wa_hash)

whatsapp_statuses = Table(  # append-only: every status of every message sent, in whatever order it came
    "whatsapp_statuses", metadata, _id(),
    Column("wamid_hash", LargeBinary, nullable=False),
    Column("status", String(20), nullable=False),
    Column("ticket", UUID(as_uuid=True), nullable=True),  # what we sent along; no key: it is Meta's word
    Column("code", Integer, nullable=True),
    Column("details", String(500), nullable=True),  # of an error, without digits
    _at("at", nullable=True),  # by Meta's clock
    _at("received_at"),
)
Index("uq_whatsapp_statuses_once", whatsapp_statuses.c.wamid_hash, whatsapp_statuses.c.status, unique=True)
Index("ix_whatsapp_statuses_ticket", whatsapp_statuses.c.ticket)

whatsapp_events = Table(  # append-only: everything else that came, sealed under a key of its own or its citizen's
    "whatsapp_events", metadata, _id(),
    Column("kind", String(12), nullable=False),
    Column("reason", String(40), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),  # keyed: the same thing again is kept once
    Column("number_id", String(64), nullable=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=True, index=True),
    Column("code", Integer, nullable=True),
    Column("data_key_id", ForeignKey("data_keys.id"), nullable=False),
    Column("body_enc", LargeBinary, nullable=False),
    _at("received_at"),
    _one_of("kind", "unread", "fault", "reaction", "system", "failed"),
)

whatsapp_sends = Table(  # every message that was posted, or is about to be: one of ours may be several of WhatsApp's
    "whatsapp_sends", metadata, _id(),  # the id is the ticket that every status brings back
    Column("outbox_id", ForeignKey("outbox.id"), nullable=False),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("parts", SmallInteger, nullable=False),
    # `sending`: posted, or killed on the way; a status tells, and only long silence allows a second try.
    Column("state", String(10), nullable=False),
    Column("delivery", String(16), nullable=False, server_default="stored"),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    Column("code", Integer, nullable=True),
    Column("wamid_hash", LargeBinary, nullable=True),
    # Carried by another one's message: short texts of one author go out as one, fixed when it was claimed.
    Column("carrier_id", ForeignKey("whatsapp_sends.id"), nullable=True),
    _at("claimed_at"), _at("due_at"),  # by the database's own clock
    _one_of("state", "sending", "waiting", "accepted", "failed"),
    CheckConstraint("part BETWEEN 1 AND parts", name="part_sane"),
    UniqueConstraint("outbox_id", "part"),
)
Index("ix_whatsapp_sends_pace", whatsapp_sends.c.conversation_id, whatsapp_sends.c.claimed_at)
Index("ix_whatsapp_sends_carried", whatsapp_sends.c.carrier_id,
      postgresql_where=whatsapp_sends.c.carrier_id.isnot(None))

Index("ix_whatsapp_sends_wamid", whatsapp_sends.c.wamid_hash, postgresql_where=whatsapp_sends.c.wamid_hash.isnot(None))
Index("ix_whatsapp_sends_claimed_at", whatsapp_sends.c.claimed_at, postgresql_using="brin")

whatsapp_reads = Table(  # up to which message the citizen was shown that it was read: each once
    "whatsapp_reads", metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("seq", Integer, nullable=False),
    _at("marked_at"),
)

whatsapp_paces = Table(  # how fast a number may go: from when it is free, and how often its gap was doubled
    "whatsapp_paces", metadata,
    Column("number_id", String(64), primary_key=True),
    _at("free_at"),  # these two by the database's own clock
    Column("slowed", SmallInteger, nullable=False, server_default="0"),
    _at("slowed_at", nullable=True),
)

whatsapp_stops = Table(  # a number whose token or account Meta refuses: nothing is posted until then
    "whatsapp_stops", metadata,
    Column("number_id", String(64), primary_key=True),
    Column("code", Integer, nullable=True),
    _at("since"), _at("until"),
)

whatsapp_media = Table(  # files that Meta holds for seven days: fetched at once, tried again, or given up with a reason
    "whatsapp_media", metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("state", String(10), nullable=False, server_default="waiting"),
    Column("reason", String(20), nullable=True),
    Column("tries", SmallInteger, nullable=False, server_default="0"),
    _at("due_at"),
    _one_of("state", "waiting", "stored", "failed"),
)
Index("ix_whatsapp_media_due", whatsapp_media.c.due_at, postgresql_where=whatsapp_media.c.state == "waiting")

whatsapp_invitations = Table(  # templates: the only thing that may be sent to who has not written for 24 hours
    "whatsapp_invitations", metadata, _id(),  # the id is the ticket
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("outbox_id", ForeignKey("outbox.id"), nullable=True),  # whose text waits
    # Or news for a number that was given on the web: which kind, of which case.
    Column("contact_id", ForeignKey("contacts.id"), nullable=True, index=True),
    Column("case_id", ForeignKey("cases.id"), nullable=True),
    Column("notice", String(20), nullable=True),
    _at("hinted_at", nullable=True),  # when who answered there was told how to answer in the case
    Column("template", String(60), nullable=True),
    Column("covers", Integer, nullable=False, server_default="0"),  # what waited up to this number is announced by it
    Column("state", String(10), nullable=False),
    Column("delivery", String(16), nullable=False, server_default="stored"),
    Column("tries", SmallInteger, nullable=False, server_default="1"),
    Column("code", Integer, nullable=True),
    Column("wamid_hash", LargeBinary, nullable=True),
    _at("created_at"), _at("due_at"),  # by the office's clock; by the database's own
    _one_of("state", "sending", "waiting", "accepted", "failed"),
    CheckConstraint(
        "(contact_id IS NULL AND outbox_id IS NOT NULL AND template IS NOT NULL)"
        " OR (contact_id IS NOT NULL AND outbox_id IS NULL AND case_id IS NOT NULL AND notice IS NOT NULL)",
        name="announces_or_tells"),
)
Index("ix_whatsapp_invitations_wamid", whatsapp_invitations.c.wamid_hash,
      postgresql_where=whatsapp_invitations.c.wamid_hash.isnot(None))
Index("ix_whatsapp_invitations_news_due", whatsapp_invitations.c.due_at,
      postgresql_where=text("contact_id IS NOT NULL AND state IN ('sending', 'waiting')"))

whatsapp_optouts = Table(  # numbers whose owner wants no news; kept when they are erased, or they would get it again
    "whatsapp_optouts", metadata,
    Column("number_hash", LargeBinary, primary_key=True),
    _at("at"),
)
