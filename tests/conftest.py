"""Fixtures every suite may use.

`tests/nlu` runs in Rasa's environment (Python 3.10, none of the application's packages), so nothing here is imported
before a fixture asks for it, and the syntax stays that old.
"""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", params=[16, 18], ids=["pg16", "pg18"])
def postgres(request):
    """A running PostgreSQL, once for each release we promise: `tests.support.postgres.Server`.

    A fresh database: `with postgres.database(prepare=upgrade) as database: database.app_url`.
    """
    from tests.support.postgres import server

    with server(request.param) as running:
        yield running
