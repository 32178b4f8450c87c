"""Peers that vanish without closing: in a network namespace of their own, behind a firewall that then drops all
packets in both directions."""

import contextlib
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

from .meter import open_files, rss_mib
from .peer import Peer

SPACE = "lotline-gone"
HERE, THERE = "10.213.7.1", "10.213.7.2"
SOCKETS, STREAMS = 500, 100
HEARTBEAT_SECONDS = 5
# The server writes to a stream every 15 seconds, and that must be acknowledged within 30.
STREAM_SECONDS = 15 + 30
SETTINGS = {
    "server__bind": f"{HERE}:0",
    "limits__heartbeat_seconds": HEARTBEAT_SECONDS,
    "limits__sockets_per_user": SOCKETS,
    "limits__streams_per_user": STREAMS,
}


@contextlib.contextmanager
def namespace():
    """A namespace with a veth pair to this one."""
    ip("netns", "add", SPACE)
    try:
        ip("link", "add", "lot0", "type", "veth", "peer", "name", "lot1", "netns", SPACE)
        ip("address", "add", f"{HERE}/30", "dev", "lot0")
        ip("link", "set", "lot0", "up")
        ip("-n", SPACE, "address", "add", f"{THERE}/30", "dev", "lot1")
        ip("-n", SPACE, "link", "set", "lot1", "up")
        yield
    finally:
        # Explicitly: the namespace may be removed only later, and the veth pair with it.
        subprocess.run(["ip", "link", "delete", "lot0"], check=False)
        ip("netns", "delete", SPACE)


def run(server, token):
    """Whether the result is as promised, and its description."""
    process = server.process.pid
    before = rss_mib(process), open_files(process)
    holder = inside("python3", str(pathlib.Path(__file__).parents[1] / "hostile_peers.py"), "--hold", server.url, token)
    try:
        while holder.stdout.readline().strip() != "ready":
            if holder.poll() is not None:
                raise RuntimeError("the peers did not connect")
        held = rss_mib(process), open_files(process)
        for chain in ("INPUT", "OUTPUT"):
            inside("iptables", "-A", chain, "-j", "DROP").wait()
    finally:
        holder.kill()
        holder.wait()
    began, ends = time.monotonic(), {}
    while len(ends) < 2 and time.monotonic() - began < 3 * STREAM_SECONDS:
        time.sleep(0.2)
        left = carriers(server.url, token)
        for carrier in ("socket", "stream"):
            if carrier not in left:
                ends.setdefault(carrier, time.monotonic() - began)
    # All connection slots are free again: the same number is admitted.
    again = [Peer(server.url, token) for _ in range(SOCKETS)]
    for peer in again:
        peer.close()
    time.sleep(3)
    after = rss_mib(process), open_files(process)
    sockets, streams = ends.get("socket"), ends.get("stream")
    kept = sockets is not None and streams is not None
    kept = kept and sockets <= 2 * HEARTBEAT_SECONDS + 2 and streams <= STREAM_SECONDS + 5
    return kept, (
        f"{SOCKETS} sockets gone after {sockets} s (heartbeat {HEARTBEAT_SECONDS} s), {STREAMS} streams after {streams} s; "
        f"{SOCKETS} seats taken again; before, with them, after: MiB {before[0]:.0f}, {held[0]:.0f}, {after[0]:.0f}; "
        f"descriptors {before[1]}, {held[1]}, {after[1]}"
    )


def carriers(url, token):
    """The carriers of the open connections."""
    request = urllib.request.Request(f"{url}/api/v1/connections", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return {one["carrier"] for one in json.load(answer)["data"]}


def hold(url, token):
    """Connects, prints `ready`, and stays until it is killed."""
    held = [Peer(url, token) for _ in range(SOCKETS)]
    for _ in range(STREAMS):
        request = urllib.request.Request(f"{url}/sse/notifications", headers={"Authorization": f"Bearer {token}"})
        held.append(urllib.request.urlopen(request, timeout=10))
    print("ready", flush=True)
    sys.stdin.read()


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def inside(*words):
    command = ["ip", "netns", "exec", SPACE, *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
