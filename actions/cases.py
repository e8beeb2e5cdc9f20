"""`action_open_case`: from here a person answers, not the bot."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.gateway import Gateway

# Which reason an intent gives for a case. Rules send a topic here only when a person must mend the matter,
# so every other intent is an individual matter.
REASONS = {
    "nlu_fallback": "low_confidence",
    "luar_cakupan": "low_confidence",
    "minta_petugas": "asked_for_officer",
    "hapus_data": "asked_for_officer",
    "bantah_jawaban": "disputed_answer",
    "sanggah_keputusan": "disputed_decision",
    "pengaduan": "complaint",
    "pengaduan_pungli": "complaint",
    "darurat": "low_confidence",  # the gateway makes it an emergency, also where the bot is not sure of it
    "data_disalahgunakan": "asked_for_officer",
}
INDIVIDUAL_MATTER = "individual_matter"
# Intents that are about what was being talked of: the topic before them says which unit should have the case.
ABOUT_THE_LAST_TOPIC = {"minta_petugas", "bantah_jawaban", "sanggah_keputusan", "pengaduan"}
# Intents that are a topic of the catalogue themselves, although they have a reason of their own.
TOPICS_WITH_A_REASON = {"pengaduan_pungli"}


class OpenCase(Action):
    """Has the gateway open the case (or join the open one) and hands its number back."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def name(self) -> str:
        """The name in domain.yml."""
        return "action_open_case"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Open the case for the message being answered; opening it again for the same message gives the same case.

        Raises what `Gateway.open_case` raises. Rasa then answers without a case, and the gateway, which sees
        that, opens it itself.
        """
        case = await self._gateway.open_case(case_request(tracker))
        dispatcher.utter_message(json_message={"do": "case_opened", **case})
        return []


def case_request(tracker: Tracker) -> dict[str, Any]:
    """What the internal API needs to know, from the citizen's last message.

    Raises `LookupError` when the tracker holds no message of the gateway channel.
    """
    message = next((event for event in reversed(tracker.events) if event["event"] == "user"), None)
    if message is None:
        raise LookupError("the tracker holds no message")
    intent = message["parse_data"]["intent"]["name"]
    metadata = message["metadata"]
    reason = REASONS.get(intent, INDIVIDUAL_MATTER)
    if intent in ABOUT_THE_LAST_TOPIC:
        topic = metadata.get("last_topic")
    elif reason == INDIVIDUAL_MATTER or intent in TOPICS_WITH_A_REASON:
        topic = intent
    else:
        topic = None
    return {
        "conversation_id": tracker.sender_id,
        "message_id": message["message_id"],
        "reason": reason,
        "topic": topic,
        "answer_id": metadata.get("last_answer_id") if reason == "disputed_answer" else None,
        "classification": metadata["classification"],
    }
