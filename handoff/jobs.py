"""The queue's tasks. Every one may run twice: what they do is settled in the database, not here."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import procrastinate
import uvloop
from procrastinate.exceptions import ConnectorException

from handoff import logs
from handoff.channels import returned
from handoff.channels.whatsapp import attention, media, telling
from handoff.channels.whatsapp import sending as whatsapp
from handoff.channels.whatsapp.graph import Graph
from handoff.services.attachments import uploads
from handoff.services.case import referrals, unseen
from handoff.services.deadlines import clocks as case_clocks
from handoff.services.deadlines import escalation, sweep
from handoff.services.people import duty
from handoff.services.post import mail
from handoff.services.rights import erasing
from handoff.services.runtime import Runtime
from handoff.services.talk import corrections, late, reminders, turn, unasked
from handoff.services.views import figures
from handoff.settings import Settings
from handoff.store import audit, db, queue

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 2.0
FAILED_KEPT_HOURS = 14 * 24
SENDERS = 8
STALLED_SECONDS = 6.0  # a worker silent for three heartbeats is dead; its jobs are idempotent, so a wrong guess is safe
GRACEFUL_SECONDS = 6.0
BEAT_SECONDS = 2.0
# A turn that the database left in the middle runs again at once; failed, its message would wait for the sweep.
AGAIN = procrastinate.RetryStrategy(wait=1, retry_exceptions=(db.DatabaseAway, ConnectorException))


Work = Callable[[], Awaitable[None]]


def every(app: procrastinate.App, cron: str, queue: str) -> Callable[[Work], Work]:
    """Make the function a task of its name that runs by itself at the times of `cron`. Never while its last run still
    goes on in this process: what comes every ten seconds and waits for a slow server would soon have all the places of
    its queue."""
    def made(work: Work) -> Work:
        running, name = asyncio.Lock(), work.__name__

        async def unless_running(timestamp: int) -> None:
            if not running.locked():
                async with running:
                    await work()

        app.periodic(cron=cron)(app.task(name=name, queue=queue, queueing_lock=name)(unless_running))
        return work
    return made


def register(runtime: Runtime) -> procrastinate.App:
    """Make the tasks known to the runtime's queue."""
    app = runtime.jobs
    graph = Graph(runtime.settings.whatsapp) if runtime.settings.whatsapp else None

    @app.task(name="turn", queue=queue.TURNS, retry=AGAIN)
    async def run_turn(conversation_id: str, message_id: str) -> None:
        """Settle what waits in the conversation: this message, earlier ones, and later ones as far as is fair."""
        async with attention.while_the_bot_thinks(runtime, graph, UUID(conversation_id)):
            await turn.drain(runtime, UUID(conversation_id), UUID(message_id) if message_id else None)

    @app.task(name="wake", queue=queue.CLOCKS, retry=AGAIN)
    async def wake(conversation_id: str) -> None:
        """The bot was away: defer the turn again, under its lock."""
        await app.configure_task("turn", queue=queue.TURNS, lock=conversation_id).defer_async(
            conversation_id=conversation_id, message_id=""
        )

    @every(app, "*/15 * * * *", queue.CLOCKS)
    async def anchor() -> None:
        """Anchor the audit chains; the MAC goes to the log, which is outside the database (P10)."""
        async with db.transaction(runtime.pool) as connection:
            mac = await audit.anchor(connection, runtime.settings, runtime.clock())
        log.info("audit anchor %s", mac.hex())

    _channels(app, runtime, graph)
    _clocks(app, runtime)
    _daily(app, runtime)
    _rights(app, runtime)
    _unasked(app, runtime)
    _public(app, runtime)
    return app


def _channels(app: procrastinate.App, runtime: Runtime, graph: Graph | None) -> None:
    """What is posted somewhere else."""

    @app.task(name="post", queue=queue.SENDING, retry=AGAIN)
    async def post(conversation_id: str) -> None:
        """Post what this conversation was handed, as far as it is due."""
        if graph is None:
            log.error("conversation %s waits for WHATSAPP_*", conversation_id)
        elif (rest := await whatsapp.post_due(runtime, graph, UUID(conversation_id))) is not None:
            await queue.defer_post_later(app, UUID(conversation_id), rest)

    @app.task(name="fetch", queue=queue.SENDING, retry=AGAIN)
    async def fetch(message_id: str) -> None:
        """Fetch the file of a message."""
        if graph is not None:
            await media.fetch(runtime, graph, UUID(message_id))

    @every(app, "* * * * * */10", queue.SENDING)
    async def tell_numbers() -> None:
        """Post news to the numbers that citizens gave on the web."""
        if graph is not None:
            await telling.post_due(runtime, graph)

    @every(app, "* * * * * */10", queue.SENDING)
    async def post_overdue() -> None:
        """Post and fetch what a crash left behind, or what has to be tried again."""
        if graph is not None:
            await whatsapp.post_overdue(runtime)
            await media.fetch_overdue(runtime, graph)


def _clocks(app: procrastinate.App, runtime: Runtime) -> None:
    """What runs by itself from time to time."""

    @every(app, "* * * * * */10", queue.CLOCKS)
    async def late_answers() -> None:
        """Answer the questions that only a failed bot had left to officers."""
        await late.answer_late(runtime)

    @every(app, "* * * * * */10", queue.CLOCKS)
    async def clocks() -> None:
        """Look at the clocks of cases until nothing is due. The sweep looks too; both at once do everything once."""
        await unseen.go_on(runtime)
        await escalation.once(runtime)
        while await escalation.tell(runtime):
            pass

    @every(app, "* * * * * */10", queue.SENDING)
    async def send_mail() -> None:
        """Send the mail that is due; a mail server that hangs holds up no clock."""
        await mail.send_due(runtime)

    @every(app, "* * * * *", queue.SENDING)
    async def returned_mail() -> None:
        """Read what came back of the mail that was sent; a mailbox that is away is asked again in a minute."""
        try:
            if bounced := await returned.collect(runtime):
                log.info("%d mails came back", bounced)
        except returned.MailboxAway as away:
            log.warning("%s", away)

    @every(app, "17 * * * *", queue.CLOCKS)
    async def old_uploads() -> None:
        """Remove what was sent in pieces and never became a message."""
        if removed := await uploads.sweep(runtime):
            log.info("removed %d old uploads", removed)


def _public(app: procrastinate.App, runtime: Runtime) -> None:
    """What anybody may see."""

    @every(app, "*/5 * * * *", queue.CLOCKS)
    async def count_figures() -> None:
        """Count what is shown publicly."""
        await figures.publish(runtime)


def _unasked(app: procrastinate.App, runtime: Runtime) -> None:
    """What citizens are told without having written: what was wrong, and what they once asked for."""

    @every(app, "* * * * * */10", queue.CLOCKS)
    async def correct() -> None:
        """Tell whoever had a wrong answer what is right."""
        if told := await corrections.tell(runtime):
            log.info("%d conversations were told of a wrong answer", told)

    @every(app, "* * * * *", queue.CLOCKS)
    async def remind() -> None:
        """Remind citizens of what they asked to be reminded of."""
        await reminders.send_due(runtime)


def _rights(app: procrastinate.App, runtime: Runtime) -> None:
    """What citizens asked for and what waits a day."""

    @every(app, "* * * * * */10", queue.CLOCKS)
    async def erase() -> None:
        """Erase the citizens whose time to think it over has passed."""
        await erasing.carry_out_due(runtime)


def _daily(app: procrastinate.App, runtime: Runtime) -> None:
    """What a day brings: whom to ask again, whose leave begins."""

    @every(app, "41 * * * *", queue.CLOCKS)
    async def old_jobs() -> None:
        """Jobs that failed are kept for who looks into it, not for ever: one that fails every ten seconds is eight
        thousand a day."""
        await app.job_manager.delete_old_jobs(
            nb_hours=FAILED_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )

    @every(app, "*/10 * * * *", queue.CLOCKS)
    async def ask_again() -> None:
        """The day has come to ask an office outside again: its officer is told."""
        if told := await referrals.remind(runtime):
            log.info("%d officers reminded to ask again", told)

    @every(app, "*/10 * * * *", queue.CLOCKS)
    async def leaves() -> None:
        """Who is on leave from today on keeps no open case."""
        if moved := await duty.begin_leaves(runtime):
            log.info("%d cases moved to who is there", moved)

    @every(app, "*/10 * * * *", queue.CLOCKS)
    async def duties() -> None:
        """Whose last day has passed is deactivated."""
        gone, stay = await duty.end_duties(runtime)
        if gone:
            log.info("the duty of %d officers has ended", gone)
        if stay:
            log.error("nobody else can take the open cases of %s, whose duty has ended: add an officer",
                      ", ".join(stay))


def work(settings: Settings) -> None:
    """The worker process: turns, sending and clocks in pools of their own, the sweep beside them. Blocking.

    It ends when the database goes away and leaves it to the supervisor to start it again.
    """
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    logs.configure()
    runtime = Runtime.create(settings, pool_size=settings.turn_concurrency + 4 + SENDERS // 2)
    app = register(runtime)
    common: dict[str, Any] = {
        "install_signal_handlers": False, "delete_jobs": "successful", "update_heartbeat_interval": HEARTBEAT_SECONDS,
        "stalled_worker_timeout": STALLED_SECONDS, "shutdown_graceful_timeout": GRACEFUL_SECONDS,
        "fetch_job_polling_interval": 1.0,
    }
    if adopted := await case_clocks.adopt(runtime):
        log.info("%d open cases were given their clocks", adopted)
    if tried := await unasked.once_more(runtime):
        log.info("%d corrections and reminders that were given up are tried once more", tried)
    async with app.open_async():
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(work) for work in (
            app.run_worker_async(queues=[queue.TURNS], name="turns", concurrency=settings.turn_concurrency, **common),
            app.run_worker_async(queues=[queue.CLOCKS], name="clocks", concurrency=4, **common),
            # A slow API holds up no clock.
            app.run_worker_async(queues=[queue.SENDING], name="sending", concurrency=SENDERS, **common),
            sweep.forever(runtime), _requeue_stalled(app), _beat(settings.home / "run" / "worker.beat"),
        )]
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await runtime.close()
    for task in done - {stopping}:
        task.result()  # a task that ended by itself did so with an error


async def _beat(file: Path) -> None:
    """Show the supervisor that this process's loop turns."""
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file.touch()
        await asyncio.sleep(BEAT_SECONDS)


async def _requeue_stalled(app: procrastinate.App) -> None:
    """Jobs of a worker that died are taken up again; without this their lock holds the conversation for ever."""
    while True:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
            try:
                await app.job_manager.retry_job(job)
            except ConnectorException as error:  # somebody else was first, or it has ended: nothing to take up
                log.warning("stalled job %s is no longer there: %s", job.id, error)
            else:
                log.warning("requeued stalled job %s (%s)", job.id, job.task_name)
        await asyncio.sleep(HEARTBEAT_SECONDS)
