"""What a text means that cannot be read by itself: an aspect of the topic before, a neighbour of it, two questions in
one message. Decided before Rasa's rules act, as those open a case for what was not understood (docs/adr/0015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row

from handoff.bot import BotFailed, BotReading
from handoff.catalogue import Aspect
from handoff.domain import alarm, asking, context, several, waiting
from handoff.domain.lapsed import lapsed
from handoff.domain.several import Heard
from handoff.services.runtime import Runtime
from handoff.services.talk import stepping
from handoff.services.talk.answering import Handover, Wanted, needs_person
from handoff.services.talk.stepping import Step

ASPECT_OF: dict[str, Aspect] = {"tanya_biaya": "fee", "tanya_waktu": "time", "tanya_syarat": "requirements"}
TALK = frozenset({
    "sapa", "terima_kasih", "pamit", "basa_basi", "setuju", "tolak", "bot_siapa", "bantuan", "tanya_bot_lagi",
    "sudah_selesai", "belum_selesai",
})
# Why a part of a message goes to a person; whatever else was not understood.
REASONS = {
    "minta_petugas": "asked_for_officer", "hapus_data": "asked_for_officer", "bantah_jawaban": "disputed_answer",
    "sanggah_keputusan": "disputed_decision", "pengaduan": "complaint", "pengaduan_pungli": "complaint",
}
LONGEST_OF_TWO = 300  # characters of a text in which two matters are answered; a longer one is a story
AS_A_WHOLE = frozenset({"cek_status"})  # needs the number that stands somewhere in the text


@dataclass(frozen=True)
class Plan:
    """What to do about a text instead of asking Rasa. `which`: an aspect was asked, and nothing says of what; `step`:
    the last answer was not understood; `seen`: readings of another matter that the text may have."""

    wanted: tuple[Wanted, ...] = ()
    person: Handover | None = None
    which: str | None = None
    step: Step | None = None
    seen: tuple[str, ...] = ()


async def plan(runtime: Runtime, conversation: Row[Any], text: str) -> Plan | None:
    """None when Rasa's reading of the text, as it stands, is all there is. Raises `BotAway`."""
    if conversation.last_case_id is not None:
        return None  # P5: the message reopens the closed case
    if asking.lost(text) and (told := await stepping.last(runtime, conversation)):
        step, in_steps = told
        return Plan(person=Handover("repeated_question", step.topic)) if in_steps else Plan(step=step)
    last = _last(runtime, conversation)
    if last is not None and (answered := _wait(runtime, last, text)):
        return answered
    if aspect := asking.only_aspect(text):
        if last is not None:
            return Plan((Wanted(last, aspect),))  # type: ignore[arg-type]
        return None if aspect == "place" else Plan(which=aspect)  # "di mana?" asks where the office is
    readings = _Readings(runtime, conversation, text, last)
    try:
        return await (readings.lapsed() if lapsed(text, last) else readings.plan())
    except BotFailed:
        return None  # Rasa is asked, and then it is clear what happened


def _wait(runtime: Runtime, last: str, text: str) -> Plan | None:
    """A bare "udah 3 bulan" after an answer about what is not ready yet: how long it has been."""
    topic = runtime.catalogue.topics[last]
    if not topic.individual_when_late or not waiting.only(text, runtime.today):
        return None
    late = needs_person(runtime, topic, text)
    return Plan(person=Handover("individual_matter", last)) if late else Plan((Wanted(last, "time"),))


def may_need_context(runtime: Runtime, conversation: Row[Any], text: str) -> bool:
    """Whether `unclear` could help, should Rasa not be sure of the text: it must not act on it then."""
    last = None if conversation.last_case_id is not None else _last(runtime, conversation)
    return last is not None and bool(context.subjects(last)) and context.short(text)


async def unclear(runtime: Runtime, conversation: Row[Any], text: str, own: BotReading) -> Plan | None:
    """What an unclear text means after the topic before it, when `may_need_context`. Raises `BotAway`."""
    last = _last(runtime, conversation)
    try:
        return await _Readings(runtime, conversation, text, last).neighbour(own) if last is not None else None
    except BotFailed:
        return None


def _last(runtime: Runtime, conversation: Row[Any]) -> str | None:
    topic: str | None = conversation.last_topic
    return topic if topic in runtime.catalogue.topics else None


def wanted(runtime: Runtime, topic: str, text: str, classification: dict[str, Any]) -> list[Wanted]:
    """The answers to a text that was read as `topic`: about the aspects that it names, else the overview."""
    named = [several.Give(topic, aspect, several.WHOLE) for aspect in asking.aspects(text) or (several.OVERVIEW,)]
    return list(dict.fromkeys(_made(runtime, give, classification) for give in several.tidy(named)))


def _made(runtime: Runtime, give: several.Give, classification: dict[str, Any]) -> Wanted:
    office = runtime.catalogue.topics[give.topic].kind == "office"  # its overview says everything
    return Wanted(give.topic, several.OVERVIEW if office else give.aspect, classification)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Readings:
    """One text being read in parts, together with what was said before. Nothing is read twice."""

    runtime: Runtime
    conversation: Row[Any]
    text: str
    last: str | None
    known: dict[str, BotReading] = field(default_factory=dict)

    async def plan(self) -> Plan | None:
        parts = asking.questions(self.text)
        asked = await self._several(parts) if parts else None
        if asked is not None and _more_than_one(asked):
            return self._as_a_story(asked)
        if not parts and self.last is not None and context.conditional(self.text):
            return await self.neighbour()
        joined = await self._joined(self.text)
        if asked is not None and joined is not None and joined.seen:
            return replace(asked, seen=joined.seen)
        return self._as_a_story(joined) if joined else asked

    def _as_a_story(self, found: Plan) -> Plan:
        """A long text is mostly one matter with its circumstances, whatever else it asks about them: answered as it was
        read as a whole; what was surely read as something else is only told, unless it is an alarm."""
        topic = self._topic(self.known[self.text])
        if len(self.text) <= LONGEST_OF_TWO or topic is None or not _more_than_one(found):
            return found
        if found.person and alarm.said(found.person.classification) is not None:
            return found
        others = [one.topic for one in found.wanted]
        if found.person and found.person.reason != "low_confidence":
            others.append(str(found.person.classification["intent"]))
        seen = tuple(dict.fromkeys(name for name in others if name != topic))
        return replace(self._alone(self.text, self.known[self.text]), seen=seen[: several.MOST_SEEN])

    async def _read(self, texts: Sequence[str]) -> list[BotReading]:
        new = list(dict.fromkeys(text for text in texts if text not in self.known))
        if new:
            self.known.update(zip(new, await self.runtime.bot.read(new), strict=True))
        return [self.known[text] for text in texts]

    async def _several(self, parts: tuple[asking.Part, ...]) -> Plan | None:
        texts = [self.text, *(part.text for part in parts)]
        readings = await self._read(texts)
        if any(not r.abstained and r.intent.name in AS_A_WHOLE for r in readings):
            return None
        if danger := _danger(readings[0], readings[1:]):
            return danger
        whole, *heard = [self._heard(text, reading) for text, reading in zip(texts, readings, strict=True)]
        heard = await self._in_context(parts, heard)
        found = several.decide(self.text, whole, list(zip(parts, heard, strict=True)), self.last, frozenset(ASPECT_OF))
        if found is None:
            return None
        wanted = tuple(self._wanted(give, readings[give.part + 1]) for give in found.answers)
        asked = Plan(wanted, None if found.person is None else self._person(readings[found.person + 1]))
        return await self._and_further(asked, parts) if _more_than_one(asked) else asked

    async def _and_further(self, asked: Plan, parts: tuple[asking.Part, ...]) -> Plan:
        """Who asks two things may ask a third in the same breath: any of the parts may be two."""
        cuts = [cut for part in parts for cut in asking.cuts(part.text)]
        await self._read([half for cut in cuts for half in (cut.left, cut.right)])  # all at once
        known = {one.topic for one in asked.wanted}
        plans = [asked]
        for within in [await self._joined(part.text, deeper=False) for part in parts]:
            if within is not None:
                wanted = tuple(one for one in within.wanted if one.topic not in known)
                seen = tuple(name for name in within.seen if name not in known)
                plans.append(replace(within, wanted=wanted, seen=seen))
        return self._together(plans)

    async def _in_context(self, parts: tuple[asking.Part, ...], heard: list[Heard]) -> list[Heard]:
        """Parts that are unclear by themselves, read again behind the title of the topic before them."""
        about, again = self.last, {}
        for number, one in enumerate(heard):
            if one.kind == "topic":
                about = one.name
            elif one.kind == "unclear" and about is not None:
                again[number] = (about, f"{self.runtime.catalogue.topics[about].title} {parts[number].text}")
        readings = await self._read([text for _, text in again.values()])
        topics = dict(zip(again, map(_sure, readings), strict=True))
        return [
            Heard(one.kind, one.name, one.guess, topics.get(number)) if number in topics else one
            for number, one in enumerate(heard)
        ]

    async def neighbour(self, own: BotReading | None = None) -> Plan | None:
        """A topic of the family of the last one; `own` is the reading of the text alone where it is known."""
        subjects = context.subjects(self.last or "")
        behind = [f"{subject} {self.text}" for subject in subjects]
        if not subjects or self.last is None:
            return None
        readings = await self._read([*([] if own else [self.text]), *behind])
        own, readings = (own, readings) if own else (readings[0], readings[1:])
        again = {subject: _sure(reading) for subject, reading in zip(subjects, readings, strict=True)}
        ranking = [r.name for r in own.ranking if r.name is not None]
        topic = context.meant(self.text, self.last, ranking, not own.abstained, again)
        if topic is None or topic not in self.runtime.catalogue.topics:
            return None
        reading = next(r for r in readings if _sure(r) == topic)
        return Plan(tuple(wanted(self.runtime, topic, self.text, reading.classification())))

    async def lapsed(self) -> Plan | None:
        """Of a paper that is "mati": never an emergency. One that is not named is read behind what was talked about."""
        (own,) = await self._read([self.text])
        if lapsed(self.text, None):
            if _sure(own) in self.runtime.catalogue.topics:
                return await self.plan()
        elif self.last is not None:
            behind = (*context.subjects(self.last), self.runtime.catalogue.topics[self.last].title)
            texts = [f"{subject} {self.text}" for subject in behind]
            for text, reading in zip(texts, await self._read(texts), strict=True):
                if self._related(_sure(reading)):
                    return self._alone(text, reading)
        return Plan(person=Handover("low_confidence", self.last, alarm.without_danger(own.classification())))

    def _related(self, name: str | None) -> bool:
        last = self.last
        return name is not None and last is not None and (name == last or bool(context.shared(name, last)))

    async def _joined(self, text: str, *, deeper: bool = True) -> Plan | None:
        """The matters of a text without two questions. `deeper`: where it has two, either may be two again; a text that
        is not looked at deeper is such a half."""
        cuts = asking.cuts(text)
        if not cuts:
            return None
        own, *halves = await self._read([text, *(half for cut in cuts for half in (cut.left, cut.right))])
        if danger := _danger(own, halves):
            return danger
        ranked = [self._ranked(half) for half in halves]
        weighed = list(zip(cuts, ranked[::2], ranked[1::2], strict=True))
        found = several.joined(self._ranked(own), weighed, among_several=not deeper)
        if found is None:
            return None
        if found.cut is None:
            return replace(self._alone(text, own), seen=found.seen)
        cut, plans = cuts[found.cut], []
        for half in (cut.left, cut.right):
            within = await self._joined(half, deeper=False) if deeper else None
            plans.append(within or self._alone(half, self.known[half]))
        return self._together(plans)

    def _alone(self, text: str, reading: BotReading) -> Plan:
        """One matter that was surely read: its answer, or the person."""
        if topic := self._topic(reading):
            return Plan(tuple(wanted(self.runtime, topic, text, reading.classification())))
        return Plan(person=self._person(reading))

    @staticmethod
    def _together(plans: Sequence[Plan]) -> Plan:
        """All of them, in one fate; a person sees what is more than some answers."""
        answers = tuple(dict.fromkeys(one for plan in plans for one in plan.wanted))
        person = next((plan.person for plan in plans if plan.person), None)
        if len(answers) > several.MOST and person is None:
            person = Handover("low_confidence", None, answers[several.MOST].classification)
        topics = {one.topic for one in answers}
        seen = tuple(name for plan in plans for name in plan.seen if name not in topics)
        return Plan(answers[: several.MOST], person, seen=seen[: several.MOST_SEEN])

    def _ranked(self, reading: BotReading) -> several.Ranked:
        name = reading.intent.name
        topic = self.runtime.catalogue.topics.get(name or "")
        ranking = {one.name: one.confidence for one in reading.ranking if one.name is not None}
        if name is None or name in TALK or name in ASPECT_OF:
            return several.Ranked("other", not reading.abstained, ranking)
        may_answer = topic is not None and not topic.individual_matter
        return several.Ranked("topic" if may_answer else "person", not reading.abstained, ranking)

    def _heard(self, text: str, reading: BotReading) -> Heard:
        if aspect := asking.only_aspect(text):
            return Heard("aspect", aspect)
        name = reading.intent.name
        if reading.abstained or name is None:
            return Heard("unclear", guess=name)
        if name in ASPECT_OF:
            return Heard("aspect", ASPECT_OF[name])
        if self._topic(reading):
            return Heard("topic", name)
        return Heard("talk" if name in TALK else "person", name)

    def _topic(self, reading: BotReading) -> str | None:
        """The topic that the bot may answer, if it was surely read as one."""
        topic = self.runtime.catalogue.topics.get(_sure(reading) or "")
        return topic.id if topic is not None and not topic.individual_matter else None

    def _wanted(self, give: several.Give, reading: BotReading) -> Wanted:
        return _made(self.runtime, give, {} if reading.abstained else reading.classification())

    def _person(self, reading: BotReading) -> Handover:
        name = None if reading.abstained else reading.intent.name
        topic = self.runtime.catalogue.topics.get(name or "")
        if topic is not None and topic.individual_matter:
            return Handover("individual_matter", topic.id, reading.classification())
        reason = REASONS.get(name or "", "low_confidence")
        disputed = self.conversation.last_answer_id if reason == "disputed_answer" else None
        return Handover(reason, None, reading.classification(), disputed)


def _danger(whole: BotReading, parts: Sequence[BotReading]) -> Plan | None:
    """A person, when a message was read as an alarm, however unsure, or surely a part of it was. Danger in a part must
    have left a trace in the whole: "kakek udah ga ada" may read as danger, "kakek udah ga ada, urus aktanya" not."""
    traced = alarm.traced(whole.classification())
    for reading in (whole, *(part for part in parts if not part.abstained)):
        heard = alarm.said(reading.classification())
        if heard in alarm.EMERGENCIES and not traced:
            continue
        if heard is not None:
            return Plan(person=Handover("low_confidence", None, reading.classification()))
    return None


def _more_than_one(found: Plan) -> bool:
    return found.person is not None or len({one.topic for one in found.wanted}) > 1


def _sure(reading: BotReading) -> str | None:
    return None if reading.abstained else reading.intent.name
