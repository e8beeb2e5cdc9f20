"""The queue's tasks, beyond what each of them does."""

from __future__ import annotations

import psycopg
import pytest
from procrastinate.jobs import Status

from handoff import jobs

pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


async def test_jobs_that_failed_are_kept_for_two_weeks(runtime, database):
    app = jobs.register(runtime)
    async with app.open_async():
        for _ in range(2):
            await app.configure_task("wake", queue="clocks").defer_async(conversation_id="")
        worker = await app.job_manager.register_worker()
        for _ in range(2):
            job = await app.job_manager.fetch_job(queues=["clocks"], worker_id=worker)
            await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
        with psycopg.connect(database.superuser_url, autocommit=True) as past:
            past.execute("UPDATE procrastinate_events SET at = at - interval '15 days' WHERE job_id = %s", [job.id])
        await app.tasks["old_jobs"](timestamp=0)
        (kept,) = await app.job_manager.list_jobs_async()
        assert (kept.status, kept.id == job.id) == ("failed", False)
