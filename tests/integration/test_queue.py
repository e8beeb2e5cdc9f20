"""The officers' queue: what waits, how long, what is unread, and what of it is looked for."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from handoff.services import desk
from handoff.services.errors import Forbidden, NotFound
from handoff.store import db
from handoff.store.schema import read_marks
from tests.support.office import officer_row, open_case, person

# What is shown does not depend on the database's release: one of them is enough.
pytestmark = [pytest.mark.asyncio, pytest.mark.parametrize("postgres", [18], indirect=True, ids=["pg18"])]


# --- what is read -----------------------------------------------------------------------------------------------------


async def test_a_read_mark_never_goes_back_nor_beyond_what_there_is(runtime):
    case = await open_case(runtime)
    officer = await officer_row(runtime, case.officer_id)
    marks = []
    for seq in (1, 99, 0):
        await desk.mark_read(runtime, officer, case.number, seq)
        async with db.transaction(runtime.pool) as connection:
            marks.append((await connection.execute(select(read_marks.c.seq))).scalar_one())
    assert marks == [1, 2, 2]
    for role, unit, error in (("auditor", None, Forbidden), ("officer", "sosial", NotFound)):
        with pytest.raises(error):
            await desk.mark_read(runtime, await person(runtime, role, unit), case.number, 2)
