"""Who may ask, and how long it may take: around the whole application, before any of it runs.

Without a token the server speaks to this machine alone, and to pages that it served itself: a page from elsewhere that
a browser on this machine shows may send requests to a loopback address too, by its number or by a name of its own that
leads there. The headers Host and Origin tell such requests apart.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vasa_jax.serve.limits import MEGABYTE, Limits, Refused

LOOPBACK = ("localhost", "127.0.0.1", "::1")
COOKIE = "vasa_jax_token"
OPEN_PATHS = ("/health",)
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
log = logging.getLogger(__name__)


class Guard:
    """An ASGI application around another.

    Args:
      token: that clients must show; None for a server on loopback.
      counted: called with the status of every answer.
    """

    def __init__(self, app: ASGIApp, token: str | None, limits: Limits, counted: Callable[[int], None]):
        self._app, self._token, self._limits, self._counted = app, token, limits, counted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check(scope)
        except Refused as refused:
            self._counted(refused.status)
            await send({"type": "websocket.close", "code": 1008, "reason": refused.message})
            return
        await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        inbox, outbox = _Inbox(receive, self._limits), _Outbox(send, self._limits.send_seconds, self._counted)
        try:
            answer = self._before(scope)
        except Refused as refused:
            await inbox.discard()
            answer = refusal(refused)
        try:
            await (self._app if answer is None else answer)(scope, inbox, outbox)
        except TimeoutError:  # the server's loop closes a connection whose answer was not finished
            log.info("a client did not take its answer in time")
        except Refused as refused:  # while the answer had not begun
            await refusal(refused)(scope, inbox, outbox)

    def _before(self, scope: Scope) -> Response | None:
        """None to go on. A page address with the right token becomes a cookie, so that it does not stay in sight."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if self._token is not None and scope["path"] == "/" and given and _same(given[0], self._token):
            answer = RedirectResponse(".", status_code=303)
            answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", secure=scope["scheme"] == "https")
            return answer
        self._check(scope)
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise Refused(400, "the header Content-Length is a number")
        if len(length) > 12 or int(length) > self._limits.request_bytes:
            raise _too_large(self._limits)
        return None

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._token is None and _name(host) not in LOOPBACK:
            raise Refused(403, "this server answers to localhost; start it with a token for other names")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refused(403, "pages of other origins may not use this server")
        if self._token is not None and scope["path"] not in OPEN_PATHS:
            if not any(_same(token, self._token) for token in _tokens(headers)):
                raise Refused(401, "the token is missing or wrong: send Authorization: Bearer TOKEN")


class _Inbox:
    """What a client sends, counted, and in by a time."""

    def __init__(self, receive: Receive, limits: Limits):
        self._receive, self._limits = receive, limits
        self._ends = asyncio.get_running_loop().time() + limits.receive_seconds
        self._bytes, self._complete = 0, False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError as error:
            raise Refused(408, f"the request was not complete in {self._limits.receive_seconds:g} s") from error
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > self._limits.request_bytes:
            raise _too_large(self._limits)
        return message

    async def discard(self) -> None:
        """Read on for a moment: a client that is still sending would not see its answer."""
        try:
            async with asyncio.timeout(2):
                while not self._complete:
                    message = await self._receive()
                    self._complete = not message.get("more_body", False)
        except TimeoutError:
            pass


class _Outbox:
    """What is answered, with the headers that browsers heed, and taken by a time."""

    def __init__(self, send: Send, seconds: float, counted: Callable[[int], None]):
        self._send, self._seconds, self._counted = send, seconds, counted
        self._ends: float | None = None

    async def __call__(self, message: Message) -> None:
        loop = asyncio.get_running_loop()
        if message["type"] == "http.response.start":
            self._ends = loop.time() + self._seconds
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            self._counted(message["status"])
        async with asyncio.timeout_at(self._ends):
            await self._send(message)


def refusal(refused: Refused) -> Response:
    """The answer to it: {"error": why} in JSON."""
    return JSONResponse({"error": refused.message}, refused.status, refused.headers)


def _too_large(limits: Limits) -> Refused:
    return Refused(413, f"a request has at most {limits.request_bytes // MEGABYTE} MB")


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _tokens(headers: Headers) -> list[str]:
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    found = [bearer.strip()] if kind.lower() == "bearer" else []
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return found
    return found if cookie is None else [*found, cookie.value]


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
