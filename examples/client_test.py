"""Tests of a client in Python against the gateway's test server.

Start the server with `deno task mock`, then run `python3 examples/client_test.py`. MOCK_URL says where the
server is, if not at http://127.0.0.1:8000. Needs the library websockets, 10.4 or newer.
"""

import asyncio
import json
import os
import time
import unittest
import urllib.request

from websockets import ConnectionClosed, connect

URL = os.environ.get("MOCK_URL", "http://127.0.0.1:8000")


class Client:
    """The client under test. Replace it by yours, which must follow the same rules."""

    def __init__(self, url, get_token, backoff):
        self.url, self.get_token, self.backoff = url, get_token, backoff
        self.answers = True  # A test sets it to False, as if the program hung.
        self.readies, self.messages, self.closes = [], [], []
        self.last_id = None
        self._changed = asyncio.Event()

    async def run(self):
        token = await self.get_token()
        while True:
            async with connect(self.url, ping_interval=None) as socket:
                try:
                    await self._talk(socket, token)
                except ConnectionClosed:
                    self._note(self.closes, socket.close_code)
            if socket.close_code in (1009, 4001, 4010):
                return  # Reconnecting would not help.
            if socket.close_code == 4003:
                token = await self.get_token()
            await self.backoff()

    async def _talk(self, socket, token):
        while True:
            frame = json.loads(await socket.recv())
            if frame["op"] == 0:
                identify = {"op": 1, "token": token}
                if self.last_id is not None:
                    identify["last_id"] = self.last_id
                await socket.send(json.dumps(identify))
            elif frame["op"] == 2:
                self.last_id = frame["last_id"]
                self._note(self.readies, frame)
            elif frame["op"] == 3:
                self.last_id = frame["id"]
                self._note(self.messages, frame["content"])
            elif frame["op"] == 10 and self.answers:
                await socket.send(json.dumps({"op": 11, "time": frame["time"]}))

    def _note(self, notes, what):
        notes.append(what)
        self._changed.set()

    async def until(self, condition):
        """Waits for a condition, and fails after ten seconds."""

        async def wait():
            while not condition():
                self._changed.clear()
                await self._changed.wait()

        await asyncio.wait_for(wait(), 10)


async def call(method, path, body=None):
    """Calls the server in a thread, so that the client keeps running."""

    def request():
        headers = {"Content-Type": "application/json", "Authorization": "Bearer dev"}
        data = None if body is None else json.dumps(body).encode()
        req = urllib.request.Request(URL + path, data, headers, method=method)
        with urllib.request.urlopen(req) as response:
            return json.loads(response.read() or "null")

    return await asyncio.to_thread(request)


class ClientTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)  # It is slow, and on by default.
        await call("POST", "/mock/reset", {})
        self.logins = 0
        self.online = asyncio.Event()
        self.online.set()
        self.began = time.perf_counter()
        self.client = Client(URL.replace("http", "ws", 1) + "/gateway", self.log_in, self.online.wait)
        self.running = asyncio.create_task(self.client.run())
        await self.client.until(lambda: len(self.client.readies) == 1)

    async def asyncTearDown(self):
        print(f"{self.id().split('.')[-1]}: {1000 * (time.perf_counter() - self.began):.0f} ms")
        self.running.cancel()
        await asyncio.wait([self.running])

    async def log_in(self):
        self.logins += 1
        body = {"user": "alice", "password": "any", "expires_in": 200}
        return (await call("POST", "/login", body))["token"]

    async def advance(self, ms, patience_ms=5000):
        await call("POST", "/mock/clock", {"advance_ms": ms, "patience_ms": patience_ms})

    async def test_is_closed_with_4002_after_it_stops_answering(self):
        await self.advance(45_000)
        self.client.answers = False
        await self.advance(90_000, patience_ms=0)  # Does not wait for replies.
        await self.client.until(lambda: self.client.closes == [4002])
        [close] = await call("GET", "/mock/transcript?event=close_sent")
        self.assertEqual((close["code"], close["elapsed_ms"]), (4002, 135_000))

    async def test_reconnects_and_resumes_after_a_silent_drop(self):
        await call("POST", "/messages", {"channel": "general", "author": "7", "content": "one"})
        self.online.clear()
        await call("POST", "/mock/connections/all/drop")
        await self.client.until(lambda: self.client.closes == [1006])
        await call("POST", "/messages", {"channel": "general", "author": "7", "content": "two"})
        self.online.set()
        await self.client.until(lambda: self.client.messages == ["one", "two"])
        self.assertTrue(self.client.readies[1]["resumed"])

    async def test_gets_a_new_token_when_its_own_expires(self):
        await self.advance(200_000)
        await self.client.until(lambda: len(self.client.readies) == 2)
        self.assertEqual(self.client.closes, [4003])
        self.assertEqual(self.logins, 2)


if __name__ == "__main__":
    unittest.main()
