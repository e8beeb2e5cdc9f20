"""Serve the actions: `python -m actions`, configured by the environment alone.

`rasa_sdk`'s own launcher listens on every address, forks behind a process manager that cannot replace a killed worker,
and answers an error with the whole request in it, which Rasa then logs: the citizen's words. This one does not.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from typing import Any

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor
from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.handlers import ErrorHandler
from sanic.response import HTTPResponse, json

from actions.cases import OpenCase
from actions.gateway import Gateway

logger = logging.getLogger("actions")


class Executor(ActionExecutor):
    """Runs actions without the bot's domain.

    Rasa 3.6 leaves the domain out of a call (`enable_selective_domain` in endpoints.yml) but knows no digest of it,
    which the SDK 3.21 would insist on. Our actions read no domain.
    """

    def update_and_return_domain(self, payload: dict[str, Any], action_name: str) -> dict[str, Any]:
        """No domain, and no complaint about its absence."""
        return {}


class Errors(ErrorHandler):
    """Answers an error with its kind only, and logs where it happened, never what it was about."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        """The answer to an exception that no action handled."""
        kind = type(exception).__name__
        status = exception.status_code if isinstance(exception, SanicException) else 500
        if status >= 500:
            frames = "".join(traceback.format_tb(exception.__traceback__))
            logger.error("Action failed with %s\n%s", kind, frames)
        return json({"error": kind}, status=status)


def build(gateway: Gateway) -> Sanic:
    """The action server's application, with every action registered."""
    executor = Executor()
    executor.register_action(OpenCase(gateway))
    app = create_app(executor, cors_origins=None)
    app.error_handler = Errors()
    app.config.AUTO_EXTEND = False  # no pages of documentation on an inner door

    @app.after_server_stop
    async def close(_: Sanic) -> None:
        await gateway.close()

    return app


def main() -> None:
    """Serve until told to stop. Exits with one sentence when the environment is incomplete."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The SDK doubts a Rasa of another number; tests/e2e runs the two together.
    warnings.filterwarnings("ignore", message="Your versions of rasa and rasa_sdk")
    try:
        url, token = os.environ["WAJAH_INTERNAL_URL"], os.environ["WAJAH_INTERNAL_TOKEN"]
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set: `python -m handoff run` sets it for the action server.")
    port = int(os.environ.get("WAJAH_ACTIONS_PORT") or 5055)
    build(Gateway(url, token)).run(host="127.0.0.1", port=port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main()
