#!/usr/bin/env python3
"""Do sockets that never read delay those that do? Standard library; not part of CI, because a busy machine distorts
the times.

    LOTLINE_BIN=target/release/lotline python3 bench/slow_readers.py

One tenant gets a broadcast of sixteen kilobytes ten times a second. 500 sockets read; in every second window there
are 500 more that never do, and are closed when their queues are full. Prints the readers' p50 and p99 from request to
socket with and without them, and the growth of the server's memory. Exit status 1 when the p99 more than doubled,
when memory grew by more than the queues of the slow ones and 16 MiB, or when a reader missed a broadcast.
"""

import argparse
import multiprocessing
import pathlib
import selectors
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "conformance"))

from server import Server  # noqa: E402
from wire import Socket, call, connect, percentile  # noqa: E402

MOST_RATIO = 2.0
# The minimum of the configuration, so that a window fills it.
QUEUE_BYTES = 128 * 1024
SLACK_BYTES = 16 * 1024 * 1024
PAUSE_SECONDS = 0.1
# Four bytes per character; a broadcast may have 4,000 characters.
PAD = "\U0001f3e1" * 3_950
LAST_WORD = "that was all"
METRICS_KEY = "for-this-run-alone"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--each", type=int, default=500, help="sockets of each kind")
    options.add_argument("--windows", type=int, default=6, help="of each kind")
    options.add_argument("--seconds", type=float, default=8.0, help="of each window")
    options = options.parse_args()
    limits = {"limits__sockets_per_user": 10_000, "limits__requests_per_user": 0, "limits__queue_bytes": QUEUE_BYTES}
    limits["telemetry__metrics_key"] = METRICS_KEY
    with Server(**limits) as server:
        server.tenant("acme")
        server.user("acme", "ann", "admin")
        token = server.token("acme", "ann")
        server.start()
        memory = Memory(server.process.pid)
        delays, said, cut = measure(server.url, token, memory, options)
    times = {kind: [ms for one, ms in delays if one == kind] for kind in ("alone", "beside")}
    p99 = {kind: percentile(taken, 99) for kind, taken in times.items()}
    for kind, taken in times.items():
        print(f"{kind}: {len(taken)} frames, p50 {statistics.median(taken):.1f} ms, p99 {p99[kind]:.1f} ms")
    ratio, bound = p99["beside"] / p99["alone"], options.each * QUEUE_BYTES + SLACK_BYTES
    print(f"p99 beside sockets that never read / without: {ratio:.2f}; {cut} of them were cut")
    print(f"memory: {memory.grown / 2**20:.1f} MiB more, bound {bound / 2**20:.0f} MiB")
    missed = said * options.each - len(delays)
    print(f"{said} broadcasts, {missed} frames missed")
    return 1 if ratio > MOST_RATIO or memory.grown > bound or missed else 0


def measure(url, token, memory, options):
    """Each reader's frames (kind of window, milliseconds), the broadcasts sent, and the slow sockets closed."""
    ready, results = multiprocessing.Event(), multiprocessing.SimpleQueue()
    readers = multiprocessing.Process(target=read_all, args=(url, token, options.each, ready, results))
    readers.start()
    if not ready.wait(60):
        sys.exit("the readers did not connect")
    memory.settle()
    said = 0
    admin = connect(url)
    for window in range(2 * options.windows):
        kind = ("alone", "beside")[window % 2]
        slow = [Socket(url, token, receive_bytes=4096) for _ in range(options.each if kind == "beside" else 0)]
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            say(admin, token, f"{kind} {time.monotonic():.6f} {PAD}")
            said += 1
            time.sleep(PAUSE_SECONDS)
        memory.look()
        for one in slow:
            one.close()
    cut = cut_so_far(admin)
    say(admin, token, LAST_WORD)
    delays = results.get()
    readers.join()
    return delays, said, cut


def say(admin, token, text):
    status, answer = call(admin, "POST", "/api/v1/admin/broadcast", token, {"message": text})
    if status != 200:
        sys.exit(f"a broadcast was answered {status}: {answer}")


def cut_so_far(admin):
    """The number of readers that the server closed because their queue was full."""
    admin.request("GET", "/metrics", headers={"Authorization": f"Bearer {METRICS_KEY}"})
    lines = admin.getresponse().read().decode().splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("lotline_mailbox_overflows_total "))


def read_all(url, token, count, ready, results):
    """Reads all sockets in one loop until each has received the last broadcast."""
    selector, delays = selectors.DefaultSelector(), []
    for _ in range(count):
        reader = Socket(url, token)
        selector.register(reader.stream, selectors.EVENT_READ, reader)
    ready.set()
    last_word = LAST_WORD.encode()
    while selector.get_map():
        for key, _ in selector.select(timeout=60) or sys.exit("nothing came for a minute"):
            if takes(key.data, delays, last_word):
                selector.unregister(key.fileobj)
                key.data.close()
    results.put(delays)


def takes(reader, delays, last_word):
    """Records the received frames; returns whether the last broadcast was among them."""
    try:
        reader.receive()
    except EOFError:
        return True
    now = time.monotonic()
    for _, payload in reader.frames():
        if last_word in payload:
            return True
        for kind in ("alone", "beside"):
            # Searched as text: parsing sixteen kilobytes of JSON would take longer.
            at = payload.find(b'"' + kind.encode() + b" ")
            if at >= 0:
                sent = float(payload[at + len(kind) + 2 :].split(b" ", 1)[0])
                delays.append((kind, (now - sent) * 1000))
    return False


class Memory:
    """The server's memory, from proc(5)."""

    def __init__(self, pid):
        self.path = f"/proc/{pid}/status"
        self.before = self.grown = 0

    def settle(self):
        self.before = self.field("VmRSS:")

    def look(self):
        self.grown = max(self.grown, self.field("VmHWM:") - self.before)

    def field(self, name):
        with open(self.path) as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))


if __name__ == "__main__":
    sys.exit(main())
