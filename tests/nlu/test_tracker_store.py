"""The tracker store forgets in the right order, and never more than it must."""

from __future__ import annotations

from pathlib import Path

import pytest
from rasa.core.tracker_store import TrackerStore
from rasa.core.utils import AvailableEndpoints
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException

from bot.tracker_store import BoundedTrackerStore

PROJECT = Path(__file__).resolve().parents[2]
EVENTS_A_TURN = 4


def store(**bounds: int) -> BoundedTrackerStore:
    return BoundedTrackerStore(Domain.empty(), **bounds)


async def talk(trackers: TrackerStore, conversation: str, *texts: str) -> None:
    """Turns as Rasa's processor plays them: fetch, add, save."""
    for text in texts:
        tracker = await trackers.get_or_create_tracker(conversation, append_action_listen=False)
        if not tracker.events:
            tracker.update(SessionStarted())
            tracker.update(ActionExecuted(ACTION_LISTEN_NAME))
        for event in (UserUttered(text), ActionExecuted("utter_x"), BotUttered("ya"), ActionExecuted("action_listen")):
            tracker.update(event)
        await trackers.save(tracker)


async def texts(trackers: TrackerStore, conversation: str) -> list[str]:
    tracker = await trackers.retrieve(conversation)
    return [event.text for event in tracker.events if isinstance(event, UserUttered)]


async def test_keeps_the_last_turns_whole_and_in_order():
    trackers = store(max_events=2 * EVENTS_A_TURN + 1)
    await talk(trackers, "a", *(str(turn) for turn in range(50)))
    tracker = await trackers.retrieve("a")
    assert await texts(trackers, "a") == ["48", "49"]
    assert len(tracker.events) == 2 * EVENTS_A_TURN + 1
    assert tracker.events[0].action_name == tracker.latest_action_name == ACTION_LISTEN_NAME
    assert tracker.latest_message.text == "49"


@pytest.mark.parametrize("max_events", range(1, 14))
async def test_the_bound_holds_whatever_it_is_and_a_turn_is_never_cut(max_events):
    trackers = store(max_events=max_events)
    await talk(trackers, "a", "1", "2", "3", "4")
    events = list((await trackers.retrieve("a")).events)
    assert 1 <= len(events) <= max_events
    assert events[0].action_name == ACTION_LISTEN_NAME
    assert (len(events) - 1) % EVENTS_A_TURN == 0


async def test_a_turn_longer_than_the_bound_is_forgotten():
    trackers = store(max_events=3)
    tracker = await trackers.get_or_create_tracker("a", append_action_listen=False)
    for event in [ActionExecuted(ACTION_LISTEN_NAME), *(BotUttered(str(place)) for place in range(9))]:
        tracker.update(event)
    await trackers.save(tracker)
    assert list((await trackers.retrieve("a")).events) == []


async def test_drops_the_conversation_quiet_longest():
    trackers = store(max_conversations=3)
    for conversation in "abc":
        await talk(trackers, conversation, "halo")
    await talk(trackers, "a", "lagi")
    await talk(trackers, "d", "halo")
    assert list(await trackers.keys()) == ["c", "a", "d"]
    assert await trackers.retrieve("b") is None


async def test_a_forgotten_conversation_begins_anew():
    trackers = store(max_conversations=1)
    await talk(trackers, "a", "satu")
    await talk(trackers, "b", "satu")
    await talk(trackers, "a", "dua")
    assert await texts(trackers, "a") == ["dua"]


async def test_what_was_fetched_is_not_what_is_kept():
    trackers = store()
    await talk(trackers, "a", "satu")
    (await trackers.retrieve("a")).update(UserUttered("tidak disimpan"))
    assert await texts(trackers, "a") == ["satu"]


@pytest.mark.parametrize("bounds", [{"max_events": 0}, {"max_conversations": -1}, {"max_events": "8"}])
def test_a_bound_that_is_none_is_refused(bounds):
    with pytest.raises(RasaException, match=next(iter(bounds))):
        store(**bounds)


async def test_rasa_loads_it_from_endpoints_yml(monkeypatch):
    monkeypatch.setenv("WAJAH_ACTIONS_URL", "http://127.0.0.1:5055")
    endpoints = AvailableEndpoints.read_endpoints(str(PROJECT / "endpoints.yml"))
    trackers = TrackerStore.create(endpoints.tracker_store)
    assert isinstance(trackers, BoundedTrackerStore)
    await talk(trackers, "a", *(str(turn) for turn in range(20)))
    assert len((await trackers.retrieve("a")).events) <= endpoints.tracker_store.kwargs["max_events"]


async def test_one_that_is_saved_without_events_is_forgotten():
    trackers = store()
    await talk(trackers, "a", "rahasia")
    await talk(trackers, "b", "lain")
    await trackers.save(DialogueStateTracker("a", []))
    await trackers.save(DialogueStateTracker("never heard of", []))
    assert list(await trackers.keys()) == ["b"]
