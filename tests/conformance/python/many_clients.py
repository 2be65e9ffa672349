"""Many clients of one gateway, each of which has to receive every message, in order.

Usage: many_clients.py URL CLIENTS MESSAGES, with the token on standard input. Says "ready" on standard
output once all clients are, then receives messages whose contents count up from 0. Ends with a line of
JSON, {"clients": ..., "messages": ...}, or with the first fault and exit code 1.

The clients are those of Debian's python3-websockets: nothing here shares code with the gateway or with
JavaScript's own WebSocket.
"""

import asyncio
import json
import resource
import sys

import websockets

CONNECTING_AT_ONCE = 50


async def main(url: str, clients: int, messages: int, token: str) -> None:
    """Connects all clients, lets them receive, and says how much there was."""
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)
    sockets = await asyncio.gather(*(connect(url, token, gate) for _ in range(clients)))
    print("ready", flush=True)
    counts = await asyncio.gather(*(receive(socket, messages) for socket in sockets))
    print(json.dumps({"clients": len(counts), "messages": sum(counts)}), flush=True)
    await asyncio.gather(*(socket.close() for socket in sockets))


async def connect(url: str, token: str, gate: asyncio.Semaphore):
    """A client that is ready."""
    async with gate:
        socket = await websockets.connect(url, compression=None, ping_interval=None, open_timeout=60)
        hello = json.loads(await socket.recv())
        assert hello["op"] == 0, hello
        await socket.send(json.dumps({"op": 1, "token": token}))
        ready = json.loads(await socket.recv())
        assert ready["op"] == 2, ready
        return socket


async def receive(socket, messages: int) -> int:
    """Receives all messages, in order; acknowledges heartbeats on the way."""
    count = 0
    while count < messages:
        frame = json.loads(await socket.recv())
        if frame["op"] == 10:
            await socket.send(json.dumps({"op": 11, "time": frame["time"]}))
            continue
        assert frame["op"] == 3 and frame["content"] == count, f"{frame} instead of {count}"
        count += 1
    return count


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdin.readline().strip()))
