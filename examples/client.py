"""A whole client of the gateway, with the library websockets 10.4 or newer: python3 examples/client.py

It prints what its app sees as JSON lines. GATEWAY_URL, GATEWAY_LOGIN_URL and GATEWAY_USER say what to connect to.
"""

import asyncio
import json
import os
import random
import signal
import time
import urllib.request
from math import inf

from websockets import ConnectionClosed, InvalidHandshake, connect

URL = os.environ.get("GATEWAY_URL", "ws://127.0.0.1:8000/gateway")
LOGIN_URL = os.environ.get("GATEWAY_LOGIN_URL", "http://127.0.0.1:8000/login")
USER = os.environ.get("GATEWAY_USER", "alice")

# The codes after which reconnecting would not help.
FINAL = {1002, 1007, 1008, 1009, 4001, 4010, 4011}


def show(**line):
    print(json.dumps(line), flush=True)


class Client:
    """One session over many connections."""

    def __init__(self):
        self.token = self.last_id = None  # The position to resume from.
        self.renew_at = inf
        self.failures = self.refusals = 0
        self.counted_at = -inf

    async def run(self):
        """Connects until there is no point in it any more."""
        while True:
            connection = Connection(self)
            code = await connection.run()
            if self.is_final(code, connection.ready_at):
                return show(ended=str(code))
            # A random delay, so that not all clients come back at once.
            limit = min(0.5 * 2**self.failures, 20)
            self.failures = min(self.failures + 1, 10)
            await asyncio.sleep(random.uniform(0, limit))

    def is_final(self, code, ready_at):
        now = time.monotonic()
        if code == 4003:
            self.token = None
            # Refusals within 15 s count as one, so that giving up takes a minute.
            if ready_at is None and now - self.counted_at >= 15:
                self.refusals += 1
                self.counted_at = now
        if ready_at is not None and (now - ready_at >= 10 or code == 1012):
            self.failures = 0
        if code == 4008:
            self.failures = 10
        return code in FINAL or self.refusals == 5

    async def log_in(self):
        """Gets a token; in a thread, so that heartbeats are answered meanwhile."""

        def post():
            body = json.dumps({"user": USER, "password": "any"}).encode()
            request = urllib.request.Request(LOGIN_URL, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.load(response)

        answer = await asyncio.to_thread(post)
        self.token = answer["token"]
        # Before it expires: after four fifths of its life, or a minute early if that is later.
        life = answer["expires_in"]
        self.renew_at = time.monotonic() + max(0.8 * life, life - 60)


class Connection:
    """One WebSocket."""

    def __init__(self, client):
        self.client = client
        self.ready_at = self.unanswered = None
        self.interval = inf
        self.tasks = []

    async def run(self):
        """Returns the close code."""
        try:
            if self.client.token is None or time.monotonic() >= self.client.renew_at:
                await self.client.log_in()
            # The gateway's heartbeats replace WebSocket pings. Messages may be longer than the library's limit.
            options = {"ping_interval": None, "max_size": None, "compression": None}
            async with connect(URL, close_timeout=1, **options) as self.socket:
                try:
                    while True:
                        await self.receive(json.loads(await self.socket.recv()))
                finally:
                    for task in self.tasks:
                        task.cancel()
        except ConnectionClosed:
            return self.socket.close_code
        except (OSError, InvalidHandshake, asyncio.TimeoutError):
            return 1006

    async def send(self, **frame):
        await self.socket.send(json.dumps(frame))

    async def receive(self, frame):
        client = self.client
        if frame["op"] == 0:
            self.interval = frame["heartbeat_interval"] / 1000
            resume = {} if client.last_id is None else {"last_id": client.last_id}
            await self.send(op=1, token=client.token, **resume)
        elif frame["op"] == 2:
            client.last_id = frame["last_id"]
            if self.ready_at is None:  # Else it answers a renewal.
                self.ready_at = time.monotonic()
                client.refusals = 0
                show(ready=True)
                if frame.get("resumed") is False:
                    show(gap=True)
                self.tasks = [asyncio.create_task(work) for work in (self.watch(), self.renew())]
        elif frame["op"] == 3:
            show(message=frame["id"], author=frame["author"], content=frame["content"])
            client.last_id = frame["id"]
        elif frame["op"] == 10:
            await self.send(op=11, time=frame["time"])
        elif frame["op"] == 11 and frame["time"] == self.unanswered:
            self.unanswered = None

    async def watch(self):
        """Closes the connection if a heartbeat is not answered: the server or the network is dead."""
        while self.unanswered is None:
            self.unanswered = int(time.time() * 1000)
            await self.send(op=10, time=self.unanswered)
            await asyncio.sleep(self.interval)
        await self.socket.close()

    async def renew(self):
        while True:
            await asyncio.sleep(self.client.renew_at - time.monotonic())
            try:
                await self.client.log_in()
                await self.send(op=1, token=self.client.token)
            except OSError:
                await asyncio.sleep(1)


async def main():
    running = asyncio.create_task(Client().run())
    # Leaving closes the WebSocket with 1000.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        pass


if __name__ == "__main__":
    asyncio.run(main())
