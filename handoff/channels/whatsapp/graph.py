"""Meta's Cloud API, as far as it is asked: a post for each message, and the files that citizens sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from handoff.channels.whatsapp.payload import error_of, listed, mapping, word
from handoff.settings import WhatsApp

SECONDS = 10.0
ATTENTION_SECONDS = 3.0  # for what need not be: it holds up nobody
PAGES = 50  # of templates; nobody has so many


class Refused(Exception):
    """The API took the request and said no."""

    def __init__(self, http_status: int, code: int | None, details: str) -> None:
        super().__init__(f"HTTP {http_status}, code {code}")
        self.http_status, self.code, self.details = http_status, code, details


class NotReached(Exception):
    """The request never arrived: it may be made again."""


class Unknown(Exception):
    """The request was on its way when the line broke: it may have been carried out."""


class Spoiled(Exception):
    """The API gave an address that does not lead to the file, or another file than it announced."""


class TooLong(Exception):
    """The file is larger than we take."""


class Graph:
    """One client for each process."""

    def __init__(self, settings: WhatsApp, seconds: float = SECONDS) -> None:
        self._plain = settings.api_url if settings.api_url.startswith("http://") else "https://"  # on loopback only
        self._client = httpx.AsyncClient(
            base_url=settings.api_url, timeout=seconds,
            headers={"Authorization": f"Bearer {settings.access_token}"},
        )

    async def send(self, number_id: str, to: dict[str, str], body: dict[str, Any], ticket: str) -> str:
        """Post one message from our number; its wamid. `ticket` comes back in every status of it.

        Raises `Refused`, `NotReached`, `Unknown`.
        """
        answered = await self._post(f"/{number_id}/messages", {
            "messaging_product": "whatsapp", "recipient_type": "individual", **to,
            "biz_opaque_callback_data": ticket, **body,
        })
        wamid = word(mapping(next(iter(listed(answered, "messages") or []), None)).get("id"))
        if not wamid:
            raise Unknown("accepted without an id")
        return wamid

    async def mark_read(self, number_id: str, wamid: str, *, typing: bool) -> None:
        """Show the citizen that this message and all before it were read, and, if so, that an answer is being written.
        Raises `Refused`, `NotReached`, `Unknown`."""
        await self._post(f"/{number_id}/messages", {
            "messaging_product": "whatsapp", "status": "read", "message_id": wamid,
            **({"typing_indicator": {"type": "text"}} if typing else {}),
        }, ATTENTION_SECONDS)

    async def number(self, number_id: str) -> str:
        """What the API calls one of our numbers. Raises `Refused`, `NotReached`, `Unknown`."""
        told = mapping(await self._asked("GET", f"/{quote(number_id, safe='')}"))
        return ", ".join(filter(None, (word(told.get("display_phone_number")), word(told.get("verified_name")))))

    async def templates(self, account_id: str) -> list[dict[str, Any]]:
        """What was submitted for the account, every page of it. Raises `Refused`, `NotReached`, `Unknown`."""
        found: list[dict[str, Any]] = []
        page: dict[str, str] = {}
        for _ in range(PAGES):
            told = mapping(await self._asked("GET", f"/{quote(account_id, safe='')}/message_templates", params={
                "fields": "name,language,status,category,components", "limit": "100", **page}))
            found += [mapping(one) for one in listed(told, "data") or []]
            paging = mapping(told.get("paging"))
            after = mapping(paging.get("cursors")).get("after")
            if not after or not paging.get("next"):
                break
            page = {"after": str(after)}
        return found

    async def is_subscribed(self, account_id: str) -> bool:
        """Whether what happens to the account is posted to any app: without that not one message arrives. Raises
        `Refused`, `NotReached`, `Unknown`."""
        return bool(listed(await self._asked("GET", f"/{quote(account_id, safe='')}/subscribed_apps"), "data"))

    async def media(self, media_id: str, most: int, whole: Callable[[bytes, str], bool]) -> bytes:
        """The content of a file, at most `most` bytes; `whole` says whether it is what the checksum told with its
        address announces. Raises `TooLong`, `Spoiled`, `Refused`, `NotReached`, `Unknown`."""
        told = mapping(await self._asked("GET", f"/{quote(media_id, safe='')}"))
        url, size = told.get("url"), told.get("file_size")
        if isinstance(size, int) and size > most:
            raise TooLong()
        if not isinstance(url, str) or not url.startswith(("https://", self._plain)):
            raise Spoiled("no address")
        content = await self._download(url, most)
        if not whole(content, str(told.get("sha256") or "")):
            raise Spoiled("not what was announced")
        return content

    async def _download(self, url: str, most: int) -> bytes:
        content = bytearray()
        try:
            async with self._client.stream("GET", url) as response:
                if response.status_code >= 500:
                    raise Unknown(f"HTTP {response.status_code}")
                if not response.is_success:
                    raise Spoiled(f"HTTP {response.status_code}")
                async for piece in response.aiter_bytes():
                    content += piece
                    if len(content) > most:
                        raise TooLong()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unknown(type(error).__name__) from None
        return bytes(content)

    async def _post(self, path: str, content: dict[str, Any], seconds: float | None = None) -> Any:
        return await self._asked("POST", path, json=content, **({"timeout": seconds} if seconds is not None else {}))

    async def _asked(self, method: str, path: str, **content: Any) -> Any:
        try:
            response = await self._client.request(method, path, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotReached(type(error).__name__) from None
        except httpx.HTTPError as error:
            raise Unknown(type(error).__name__) from None
        try:
            answered = response.json()
        except ValueError:
            answered = None
        if response.is_success:
            return answered
        raise Refused(response.status_code, *error_of(mapping(answered).get("error")))

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()
