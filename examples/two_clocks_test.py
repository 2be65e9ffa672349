"""Tests of a client in Python whose clock is in step with the test server's: no test waits, however long the
client does.

Start the server with `deno task mock`, then run `python3 examples/two_clocks_test.py`. MOCK_URL says where the
server is, if not at http://127.0.0.1:8000. Needs the library websockets, 10.4 or newer.
"""

import asyncio
import json
import math
import pathlib
import time
import unittest

from client_test import URL, Client, call
from websockets import connect

RECORDING = pathlib.Path(__file__).with_name("recording.json")
WS_URL = URL.replace("http", "ws", 1)


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time stands still until it is moved."""

    def __init__(self):
        super().__init__()
        self._now = 0.0
        self._timers = []

    def time(self):
        return self._now

    def call_at(self, when, callback, *args, context=None):
        timer = super().call_at(when, callback, *args, context=context)
        self._timers.append(timer)
        return timer

    def move(self, max_ms):
        """Moves to the next timer, by at most max_ms. Returns by how much, and whether a timer is due."""
        self._timers = [t for t in self._timers if not t.cancelled() and t.when() > self._now]
        due_ms = min((math.ceil(round((t.when() - self._now) * 1000, 3)) for t in self._timers), default=math.inf)
        moved_ms = min(max_ms, max(due_ms, 1))
        self._now = round(self._now + moved_ms / 1000, 3)
        return moved_ms, due_ms <= moved_ms


async def keep_in_step(loop, control):
    async for text in control:
        moved_ms, fired = loop.move(json.loads(text)["move_ms"])
        await control.send(json.dumps({"moved_ms": moved_ms, "fired": fired}))


class TwoClocksTest(unittest.TestCase):
    def test_reconnects_after_a_backoff_of_20_s(self):
        self.on_two_clocks("a backoff of 20 s", self.reconnects)

    def test_passes_a_recording(self):
        self.on_two_clocks("a recording", self.passes_a_recording)

    def on_two_clocks(self, name, scenario):
        began = time.perf_counter()
        loop = SteppedLoop()
        try:
            loop.run_until_complete(self.in_step(loop, scenario))
        finally:
            loop.close()
        print(f"{name}: {1000 * (time.perf_counter() - began):.0f} ms")

    async def in_step(self, loop, scenario):
        await call("POST", "/mock/reset", {})
        self.client = Client(WS_URL + "/gateway", self.log_in, lambda: asyncio.sleep(20))
        async with connect(WS_URL + "/mock/clock/steps", ping_interval=None) as control:
            self.running = [loop.create_task(keep_in_step(loop, control))]
            try:
                await scenario(self.client)
            finally:
                for task in self.running:
                    task.cancel()
                    await asyncio.wait([task])

    def start(self, client):
        self.running.append(asyncio.create_task(client.run()))

    async def reconnects(self, client):
        self.start(client)
        await client.until(lambda: len(client.readies) == 1)
        await call("POST", "/mock/connections/all/drop")
        await client.until(lambda: client.closes == [1006])
        await self.advance(19_999)
        self.assertEqual(len(client.readies), 1)
        await self.advance(1)
        await client.until(lambda: len(client.readies) == 2)
        self.assertTrue(client.readies[1]["resumed"])

    async def passes_a_recording(self, client):
        recording = json.loads(RECORDING.read_text())
        await call("POST", "/mock/replay", {"recording": recording})
        self.start(client)
        verdict = await call("POST", "/mock/replay/run", {"patience_ms": 5000})
        self.assertIsNone(verdict["broken"])
        self.assertEqual(client.messages, ["one", "three"])

    async def advance(self, ms):
        await call("POST", "/mock/clock", {"advance_ms": ms, "patience_ms": 5000})

    async def log_in(self):
        return (await call("POST", "/login", {"user": "alice", "password": "any"}))["token"]


if __name__ == "__main__":
    unittest.main()
