"""Clients that send a heartbeat a millisecond until the gateway closes them.

Usage: closings.py, with a JSON object on standard input: `url`, `token`, `kind`, `count`, and `at_once`.
`kind` says what each client does after a few heartbeats: send text that is no JSON (4001), nothing more
(4002, 4008, 4010, 1012: what ends it comes from elsewhere), a token that is none (4003), or a frame of
10 KB (1009). Says "ready" with each client that has started on a line of its own, and ends with a line of
JSON that counts the close codes which Debian's python3-websockets reports; 1006 is one that was lost.
"""

import asyncio
import json
import sys
from collections import Counter

import websockets

FRAMES_BEFORE = 20

LAST_FRAME = {
    4001: "no JSON",
    4003: json.dumps({"op": 1, "token": "none"}),
    1009: json.dumps({"op": 10, "time": 1, "pad": "x" * 10_000}),
}


async def close(plan: dict, gate: asyncio.Semaphore) -> int:
    """One client; returns the close code that it saw."""
    kind = plan["kind"]
    async with gate:
        socket = await websockets.connect(plan["url"], compression=None, ping_interval=None, open_timeout=60)
        await socket.recv()
        if kind == 4010:
            await socket.send(json.dumps({"op": 1, "token": plan["token"]}))
            await socket.recv()
        print("ready", flush=True)
        reading = asyncio.create_task(read(socket))
        try:
            for count in range(100_000):
                if count == FRAMES_BEFORE and kind in LAST_FRAME:
                    await socket.send(LAST_FRAME[kind])
                else:
                    await socket.send('{"op":10,"time":1}')
                await asyncio.sleep(0.001)
        except websockets.ConnectionClosed:
            pass
        await reading
        return socket.close_code


async def read(socket) -> None:
    """Reads until the connection is over."""
    try:
        while True:
            await socket.recv()
    except websockets.ConnectionClosed:
        pass


async def main(plan: dict) -> None:
    """Runs all clients and counts."""
    gate = asyncio.Semaphore(plan["at_once"])
    codes = await asyncio.gather(*(close(plan, gate) for _ in range(plan["count"])))
    print(json.dumps(Counter(map(str, codes))), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
