"""The sockets of `examples/serve` with Python's `websockets`.

    cargo run --example serve -- --listen 127.0.0.1:8080 --deflate
    python3 -m venv target/clients/python && target/clients/python/bin/pip install websockets
    target/clients/python/bin/python tests/programs/clients/python.py 127.0.0.1:8080 deflate

Without --deflate the last word is `plain`.
"""

import asyncio
import json
import os
import sys
import time
import urllib.request

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

LENGTHS = [0, 1, 100, 125, 126, 65535, 65536, 1 << 20]
TEXT = "gr\u00fcn, 3 \u20ac, \U0001f980\u200d\U0001f6e0; "
SOCKETS = 50

if len(sys.argv) != 3 or sys.argv[2] not in ("deflate", "plain"):
    sys.exit("usage: python.py HOST:PORT deflate|plain")
ADDRESS, DEFLATE = sys.argv[1:]


def opened(path="/ws", **options):
    options = {"compression": None, "proxy": None, "max_size": None, **options}
    return connect(f"ws://{ADDRESS}{path}", **options)


async def assert_echoes(socket, message):
    await socket.send(message)
    assert await socket.recv() == message, f"{len(message)} come back"


async def assert_echoes_all(socket):
    """Both kinds of every length, and one after the other without waiting."""
    for length in LENGTHS:
        await assert_echoes(socket, os.urandom(length))
        await assert_echoes(socket, b"leasehold "[:length] * (length // 10))
        await assert_echoes(socket, TEXT * (length // len(TEXT.encode())))
    messages = [f"{index} {TEXT * index}" for index in range(200)]
    for message in messages:
        await socket.send(message)
    assert [await socket.recv() for _ in messages] == messages


async def text_and_bytes_come_back():
    async with opened() as socket:
        await assert_echoes_all(socket)
        await socket.close(1000)
        assert socket.close_code == 1000


async def fragments_come_back_as_a_whole():
    async with opened() as socket:
        for message in (TEXT * 2000, TEXT.encode() * 2000):
            for length in (1, 3, 1000, 40000):
                message = message[: length * 500]
                parts = [message[at : at + length] for at in range(0, len(message), length)]
                await socket.send(iter(parts))
                assert await socket.recv() == message
                await socket.send(iter([message[:0], message, message[:0]]))
                assert await socket.recv() == message


async def pings_are_answered_with_what_they_carry():
    async with opened() as socket:
        for payload in (b"", b"ping", os.urandom(125)):
            await asyncio.wait_for(await socket.ping(payload), 10)
        await socket.pong(b"nobody asked")
        await assert_echoes(socket, "after a pong")


async def closes_are_answered_with_their_code():
    for code in (1000, 1001, 1011, 3000, 4999):
        async with opened() as socket:
            await socket.close(code, "enough \U0001f980")
            assert (socket.close_code, socket.close_reason) == (code, ""), socket.close_code


async def closing(send, **options):
    """The code that the server closes with."""
    socket = await opened(**options)
    try:
        await send(socket)
        while True:
            await socket.recv()
    except ConnectionClosed:
        pass
    except AttributeError as error:
        # websockets 17 aborts a transport that has ended, which asyncio does not take.
        assert "call_soon" in str(error), error
    return socket.close_code


async def what_is_wrong_is_closed_with_a_code_that_says_so():
    assert await closing(lambda socket: socket.send(bytes((1 << 20) + 1))) == 1009
    assert await closing(lambda socket: socket.send(bytes(8 << 20))) == 1009
    assert await closing(lambda socket: socket.send(b"\xff\xfe", text=True)) == 1007

    async def write(socket, frame):
        socket.transport.write(frame)

    assert await closing(lambda socket: write(socket, b"\x83\x80\0\0\0\0")) == 1002
    assert await closing(lambda socket: write(socket, b"\x81\x01A")) == 1002  # not masked


async def compression_is_agreed_on_or_declined():
    offers = [
        {},
        {"server_no_context_takeover": True, "client_no_context_takeover": True},
        {"server_max_window_bits": 9, "client_max_window_bits": 9},
        {"server_max_window_bits": 15, "client_max_window_bits": True},
    ]
    for offer in offers:
        async with opened(extensions=[ClientPerMessageDeflateFactory(**offer)]) as socket:
            agreed = [extension.name for extension in socket.protocol.extensions]
            assert agreed == (["permessage-deflate"] if DEFLATE == "deflate" else []), agreed
            await assert_echoes_all(socket)


async def a_message_that_inflates_to_more_than_is_taken_is_refused():
    assert await closing(lambda socket: socket.send(bytes(64 << 20)), compression="deflate") == 1009


async def fifty_sockets_are_served_at_once():
    async def one(index):
        async with opened(compression="deflate" if index % 2 == 0 else None) as socket:
            for times in range(20):
                await assert_echoes(socket, os.urandom(index * 997 * times % 100_000))
            await assert_echoes(socket, TEXT * index)

    await asyncio.gather(*(one(index) for index in range(SOCKETS)))


async def figures_come_by_the_feed():
    async with opened("/feed", origin=f"http://{ADDRESS}") as first, opened("/feed") as second:
        told = [[json.loads(await listener.recv()) for _ in range(4)] for listener in (first, second)]
        # The first one came earlier, and has heard more.
        assert told[0][-1]["sockets"] == 2 and told[1][0] in told[0], told
    try:
        await opened("/feed", origin="http://evil.example")
        raise AssertionError("a page of another site listens")
    except InvalidStatus as refusal:
        assert refusal.response.status_code == 403


async def nothing_is_left():
    deadline = time.monotonic() + 20
    ask = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        figures = json.load(ask.open(f"http://{ADDRESS}/-/pool"))
        if figures["leased"] == figures["sockets"] == 0:
            return
        assert time.monotonic() < deadline, figures
        await asyncio.sleep(0.1)


TESTS = [
    text_and_bytes_come_back,
    fragments_come_back_as_a_whole,
    pings_are_answered_with_what_they_carry,
    closes_are_answered_with_their_code,
    what_is_wrong_is_closed_with_a_code_that_says_so,
    compression_is_agreed_on_or_declined,
    a_message_that_inflates_to_more_than_is_taken_is_refused,
    fifty_sockets_are_served_at_once,
    figures_come_by_the_feed,
    nothing_is_left,
]


async def main():
    for test in TESTS:
        await asyncio.wait_for(test(), 60)
        print(f"python, {DEFLATE}: {test.__name__.replace('_', ' ')}", flush=True)


asyncio.run(main())
