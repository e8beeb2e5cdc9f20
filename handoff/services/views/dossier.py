"""Everything that a citizen may carry of their case elsewhere: number, officer, every step, what was said, each
deadline and whether it was kept, what answers rested on, what was sent under numbers that it has taken in. No internal
note is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handoff.services.case.case_steps import Step, doings
from handoff.services.case.cases import Facts
from handoff.services.deadlines.clocks import Promise, promises
from handoff.services.runtime import Runtime
from handoff.services.talk import conversations
from handoff.services.views import merged
from handoff.services.views.merged import OldFile
from handoff.services.views.pages import OpenedCase

MOST_MESSAGES = 3000


@dataclass(frozen=True)
class Dossier:
    """The case as its citizen may show it, at `at`."""

    facts: Facts
    at: datetime
    steps: tuple[Step, ...]
    promises: Sequence[Promise]
    messages: Sequence[dict[str, Any]]
    sources: tuple[str, ...]
    merged_files: Sequence[OldFile] = ()


async def of(runtime: Runtime, opened: OpenedCase) -> Dossier:
    """The dossier of a case whose key was shown."""
    said = await _messages(runtime, opened)
    sources = dict.fromkeys(source for one in said if one["answer"] for source in one["answer"]["sources"])
    return Dossier(
        opened.facts, runtime.clock(), (await doings(runtime, opened.facts)).steps,
        await promises(runtime, opened.facts.row), said, tuple(sources),
        await merged.files(runtime, opened.facts.id),
    )


async def _messages(runtime: Runtime, opened: OpenedCase) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    after = opened.first_seq - 1
    while len(said) < MOST_MESSAGES:
        some = await conversations.read(runtime, opened.conversation_id, after)
        said += some
        if not some or some[-1]["seq"] >= opened.last_seq:
            break
        after = some[-1]["seq"]
    return said
