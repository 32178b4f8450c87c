"""Sockets that send cheap messages as fast as they can."""

import json
import multiprocessing
import time

from .meter import Meter
from .peer import BINARY, CONTINUATION, PING, PONG, TEXT, Peer, frame

PEERS = 4
SECONDS = 15
AGAIN_SECONDS = 5
# CPU seconds per second for all peers together: half of one core.
MOST_LOAD = 0.5
PING_TEXT = b'{"type":"ping"}'
SUBSCRIBING = [json.dumps({"type": kind, "subscription": "job_updates"}).encode() for kind in ("subscribe", "unsubscribe")]


def in_pieces(payload):
    """A message in frames of one byte."""
    pieces = [frame(TEXT, payload[:1], fin=False)]
    pieces += [frame(CONTINUATION, payload[at : at + 1], fin=at + 1 == len(payload)) for at in range(1, len(payload))]
    return b"".join(pieces)


def of(piece):
    """Repeated to the size of a large write."""
    return piece * max(1, 256 * 1024 // len(piece))


# What is sent first and then repeatedly, and the expected close code.
KINDS = {
    "pings": (b"", of(frame(PING)), 4429),
    "long pings": (b"", of(frame(PING, b"x" * 125)), 4429),
    "pongs": (b"", of(frame(PONG)), 4429),
    "empty texts": (b"", of(frame(TEXT)), 4429),
    "commands": (b"", of(frame(TEXT, PING_TEXT)), 4429),
    "64 KiB messages": (b"", frame(TEXT, b'"' + b"x" * (65536 - 2) + b'"'), 4429),
    "deep JSON": (b"", frame(TEXT, b"[" * 65536), 4429),
    "subscriptions": (b"", of(b"".join(frame(TEXT, words) for words in SUBSCRIBING)), 4429),
    "messages in pieces": (b"", of(in_pieces(PING_TEXT)), 4429),
    "pings in a message": (frame(TEXT, b"[", fin=False), of(frame(PING)), 4429),
    "endless fragments": (frame(TEXT, b"[", fin=False), of(frame(CONTINUATION, b"", fin=False)), 1009),
    "endless pieces": (frame(TEXT, b"[", fin=False), of(frame(CONTINUATION, b"[", fin=False)), 1009),
    "compressed bit": (b"", of(frame(TEXT, PING_TEXT, reserved=0x40)), 1002),
    "not masked": (b"", of(frame(TEXT, PING_TEXT, masked=False)), 1002),
    "binary": (b"", of(frame(BINARY, b"x")), 1003),
    "over 64 KiB": (b"", frame(TEXT, b"x" * 65537), 1009),
}


def run(kind, server, token):
    """Whether the result is as promised, and its description."""
    first, chunk, wanted = KINDS[kind]
    ends = multiprocessing.Queue()
    flooders = [multiprocessing.Process(target=flood, args=(server.url, token, first, chunk, ends)) for _ in range(PEERS)]
    with Meter(server, token) as meter:
        for one in flooders:
            one.start()
        seen = [ends.get(timeout=SECONDS + 60) for _ in flooders]
        for one in flooders:
            one.join()
    codes = sorted({code for codes, _, _ in seen for code in codes}, key=str)
    connections = sum(len(codes) for codes, _, _ in seen)
    longest = max(seconds for _, seconds, _ in seen)
    mib = sum(sent for _, _, sent in seen) / 2**20
    kept = codes == [wanted] and meter.failures == 0 and meter.load < MOST_LOAD
    how = f"{PEERS} peers, {connections} connections, closed with {codes} within {longest:.1f} s"
    return kept, f"{how}, {mib:.1f} MiB sent; {meter.words()}"


def flood(url, token, first, chunk, ends):
    """Floods, and reconnects at once if it was closed within `AGAIN_SECONDS` after the beginning."""
    began, codes, longest, sent = time.monotonic(), [], 0, 0
    while not codes or time.monotonic() - began < AGAIN_SECONDS:
        peer = Peer(url, token)
        peer.socket.sendall(first)
        code, seconds, more = peer.flood(chunk, SECONDS)
        peer.close()
        codes, longest, sent = [*codes, code], max(longest, seconds), sent + more
    ends.put((codes, longest, sent))
