"""Conversations in memory, bounded twice: how many, and how much of each.

What a turn needs travels in its metadata and no rule looks back, so a tracker is only Rasa's scratch paper. Rasa's own
in-memory store keeps every word of every conversation for ever and replays all of it on each turn (9 ms at turn 1,
132 ms at turn 190). This one forgets: whole conversations, the least recently used first, and old turns within one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException


class BoundedTrackerStore(TrackerStore):
    """Keeps the last turns of the conversations used last; nothing touches a disk."""

    def __init__(
        self,
        domain: Domain | None,
        event_broker: EventBroker | None = None,
        max_conversations: int = 5000,
        max_events: int = 8,
        **kwargs: Any,
    ) -> None:
        """`max_conversations` trackers of at most `max_events` events each (a turn takes about five).

        Raises `RasaException` when a bound is not a positive whole number.
        """
        super().__init__(domain, event_broker)
        for name, bound in (("max_conversations", max_conversations), ("max_events", max_events)):
            if not isinstance(bound, int) or bound < 1:
                raise RasaException(f"{name} in endpoints.yml must be a positive whole number, not {bound!r}.")
        self._max_conversations = max_conversations
        self._max_events = max_events
        self._conversations: OrderedDict[str, list[Event]] = OrderedDict()

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep the tracker's last turns; of too many conversations, drop the one quiet longest. One without events is
        to be forgotten."""
        if not tracker.events:
            self._conversations.pop(tracker.sender_id, None)
            return
        await self.stream_events(tracker)
        self._conversations[tracker.sender_id] = last_turns(list(tracker.events), self._max_events)
        self._conversations.move_to_end(tracker.sender_id)
        while len(self._conversations) > self._max_conversations:
            self._conversations.popitem(last=False)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The tracker of a conversation, or None when it is unknown or forgotten."""
        events = self._conversations.get(sender_id)
        if events is None:
            return None
        self._conversations.move_to_end(sender_id)
        return DialogueStateTracker.from_events(sender_id, events, slots=self.domain.slots, domain=self.domain)

    async def keys(self) -> Iterable[str]:
        """The conversations held, least recently used first."""
        return list(self._conversations)


def last_turns(events: list[Event], limit: int) -> list[Event]:
    """The longest run of whole turns at the end of `events` that has at most `limit` events.

    A turn begins with the bot listening: rules match from there, and a tracker that still has it needs no new session.
    """
    for start in range(max(0, len(events) - limit), len(events)):
        event = events[start]
        if isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME:
            return events[start:]
    return events if len(events) <= limit else []
