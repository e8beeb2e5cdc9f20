"""A browser without JavaScript in the officers' console."""

from __future__ import annotations

import httpx
from sqlalchemy import select

from handoff.store import db
from handoff.store.schema import messages
from tests.support.office import PASSWORD
from tests.support.pages import BROWSER, Form, Page


async def browser(served, officer=None) -> httpx.AsyncClient:
    """A browser, signed in through the form if an officer is named."""
    client = await served.client()
    client.headers.update(BROWSER)
    client.follow_redirects = True
    if officer is not None:
        response = await enter(client, officer.login)
        assert (response.status_code, response.url.path) != (401, "/petugas/masuk"), response.text
    return client


async def enter(client: httpx.AsyncClient, login: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    form = Page(await client.get("/petugas/masuk")).form("sandi")
    return await client.post(form.action, data={**form.fields, "nama": login, "sandi": password, **more})


TALK = ("takeover", "reply", "ask", "propose", "note", "hand_back")


def offered(page: Page) -> list[str]:
    """What can be done in the talk."""
    return [action for action in page.attributes("button", "data-action") if action in TALK]


def moves(page: Page) -> set[str]:
    """What can be done about whose case it is and how it ends."""
    return set(page.attributes("button", "data-action")) - set(TALK)


def form_of(page: Page, action: str) -> Form:
    return next(f for f in page.forms if f.action.endswith(f"/{action}"))


async def does(client: httpx.AsyncClient, page: Page, action: str, text: str | None = None) -> httpx.Response:
    form = form_of(page, action)
    cause = {"sebab": "delay"} if action == "propose" else {}
    return await client.post(form.action, data=form.fields if text is None else {**form.fields, **cause, "pesan": text})


async def opened(client: httpx.AsyncClient, number: str) -> Page:
    response = await client.get(f"/petugas/kasus/{number}")
    assert response.status_code == 200, response.text
    return Page(response)


async def spoken(runtime) -> int:
    async with db.transaction(runtime.pool) as connection:
        return len((await connection.execute(select(messages.c.id).where(messages.c.author == "officer"))).all())
