"""A forward proxy as stands between a jump host and a registry: CONNECT alone, with a password if wanted.

It resolves names that this machine does not know, as such proxies do.
"""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.waiting import PATIENCE


class ConnectProxy:
    """Runs in a thread; `asked` are the targets that clients named, in order."""

    def __init__(self, names: Mapping[str, int], *, user: str = "", password: str = "") -> None:
        self._names = names
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._wanted = f"proxy-authorization: basic {pair}" if user else ""
        self.asked: list[str] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._down = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="connect-proxy")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        await self._down.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _version = head.split("\r\n")[0].split(" ")
            self.asked.append(target)
            refused = self._refusal(method, target, head)
            writer.write(refused or b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            if not refused:
                await self._relay(reader, writer, self._names[target])
        except (OSError, EOFError):
            pass  # either side went away
        finally:
            writer.close()

    def _refusal(self, method: str, target: str, head: str) -> bytes:
        if self._wanted and self._wanted not in head.replace(
            "Proxy-Authorization: Basic", "proxy-authorization: basic"
        ):
            return b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        if method != "CONNECT" or target not in self._names:
            return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        return b""

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_pour(reader, there_writer), _pour(there_reader, writer))
        finally:
            there_writer.close()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        sink.write(data)
        await sink.drain()
    sink.close()
