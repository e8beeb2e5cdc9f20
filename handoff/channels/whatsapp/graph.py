"""Meta's Cloud API, as far as it is asked: one post for one message."""

from __future__ import annotations

from typing import Any

import httpx

from handoff.channels.whatsapp.payload import error_of, listed, mapping, word
from handoff.settings import WhatsApp

SECONDS = 10.0


class Refused(Exception):
    """The API took the request and said no."""

    def __init__(self, http_status: int, code: int | None, details: str) -> None:
        super().__init__(f"HTTP {http_status}, code {code}")
        self.http_status, self.code, self.details = http_status, code, details


class NotReached(Exception):
    """The request never arrived: it may be made again."""


class Unknown(Exception):
    """The request was on its way when the line broke: it may have been carried out."""


class Graph:
    """One client for each process."""

    def __init__(self, settings: WhatsApp, seconds: float = SECONDS) -> None:
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

    async def _post(self, path: str, content: dict[str, Any]) -> Any:
        try:
            response = await self._client.post(path, json=content)
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
