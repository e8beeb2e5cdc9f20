"""The gateway's internal API, as the actions see it."""

from __future__ import annotations

from typing import Any, TypedDict

import httpx

# Seconds. The gateway gives Rasa five for the whole turn; an answer after that helps nobody.
TIMEOUT = httpx.Timeout(4.0, connect=1.0)
# Connections stay open between calls, shorter than the 120 s after which Sanic closes an idle one.
LIMITS = httpx.Limits(max_keepalive_connections=16, keepalive_expiry=60.0)


class Case(TypedDict):
    """A case as the internal API reports it; `joined` when the conversation already had it open."""

    number: str
    reason: str
    joined: bool


class Gateway:
    """One client, one pool of connections, for as long as the action server runs."""

    def __init__(self, base_url: str, token: str) -> None:
        """`base_url`: where the gateway listens; `token`: the service token, sent with every call."""
        self._client = httpx.AsyncClient(
            base_url=base_url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT, limits=LIMITS
        )

    async def open_case(self, request: dict[str, Any]) -> Case:
        """Open a case; the same `message_id` again gives the same case.

        Raises `httpx.HTTPError` when the gateway cannot be reached or refuses, `ValueError`, `KeyError` or `TypeError`
        when what it says is no case.
        """
        answer = await self._client.post("/internal/v1/cases", json=request)
        answer.raise_for_status()
        said = answer.json()
        return Case(number=said["number"], reason=said["reason"], joined=said["joined"])

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
