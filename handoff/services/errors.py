"""What can be refused, as typed values: a code for programs, an HTTP status, and a sentence a citizen understands.

The sentences stand in `texts.yml` under `errors`, by code.
"""

from __future__ import annotations


class ServiceError(Exception):
    """A request that is refused. `code` is public and stable; `retry_after` is in seconds, where waiting helps."""

    code = "bad_request"
    status = 400

    def __init__(self, code: str | None = None, *, retry_after: float | None = None, **facts: object) -> None:
        super().__init__(code or self.code)
        self.code = code or self.code
        self.retry_after = retry_after
        self.facts = facts


class BadRequest(ServiceError):
    """The request is malformed."""


class Unauthorized(ServiceError):
    """Nobody known is asking."""

    code, status = "unauthorized", 401


class Forbidden(ServiceError):
    """Known, but not entitled."""

    code, status = "forbidden", 403


class NotFound(ServiceError):
    """There is no such thing, or not for this asker."""

    code, status = "not_found", 404


class Gone(ServiceError):
    """There was such a thing; its citizen wished it to be no more."""

    code, status = "erased", 410


class Conflict(ServiceError):
    """True a moment ago, no longer: somebody else was first."""

    code, status = "conflict", 409


class TooLarge(ServiceError):
    """A text or a file over its limit."""

    code, status = "too_large", 413


class UnsupportedMedia(ServiceError):
    """A file of a kind that we do not take."""

    code, status = "unsupported_media", 415


class Unprocessable(ServiceError):
    """Well-formed, but the content makes no sense here."""

    code, status = "unprocessable", 422


class Unavailable(ServiceError):
    """Something outside that we need is away; nothing was stored."""

    code, status = "unavailable", 503

    def __init__(self, *, retry_after: float = 5) -> None:
        super().__init__(retry_after=retry_after)


class TooMany(ServiceError):
    """Too many requests in a short time."""

    code, status = "too_many_requests", 429
