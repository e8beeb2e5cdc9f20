"""The citizen's page of a case, `/kasus/<number>`, as somebody with its link meets it."""

from __future__ import annotations

import httpx
import psycopg

from tests.support.citizen import UNSURE, Citizen
from tests.support.pages import BROWSER, Page


async def with_case(runtime, text: str = "zzz") -> Citizen:
    """Somebody whose question opened a case."""
    citizen = await Citizen.arrives(runtime)
    await citizen.asks(text, UNSURE)
    return citizen


async def link(citizen: Citizen) -> str:
    """The address that the citizen was given, without the office's name."""
    url = next(m["case"]["url"] for m in await citizen.sees() if m["case"])
    return url[url.index("/kasus/"):]


async def browser(served, citizen: Citizen) -> tuple[httpx.AsyncClient, Page]:
    """A browser in which the citizen followed the link, and the page it shows."""
    client = await served.client()
    client.headers.update(BROWSER)
    client.follow_redirects = True
    response = await client.get(await link(citizen))
    assert response.status_code == 200, response.text
    return client, Page(response)


async def sent(client: httpx.AsyncClient, page: Page, text: str, **more: str) -> httpx.Response:
    """The page's form, filled in and sent."""
    form = page.form("pesan")
    return await client.post(form.action, data={**form.fields, "pesan": text, **more})


async def reachable(database, yes: bool) -> None:
    """Let the application into its database, or throw it out."""
    maintenance = psycopg.conninfo.make_conninfo(database.superuser_url, dbname="postgres")
    async with await psycopg.AsyncConnection.connect(maintenance, autocommit=True) as connection:
        await connection.execute(f"ALTER DATABASE {database.name} WITH ALLOW_CONNECTIONS {str(yes).lower()}")
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND NOT %s",
                                 (database.name, yes))
