"""All descriptors that the server may open are in use."""

import http.client
import json
import socket
import time
import urllib.parse

from .meter import cpu_seconds, open_files
from .peer import Peer

MOST = 200
SOCKETS = 20
FLOOD = 600
WAIT_SECONDS = 8
# Long enough that silent connections are still open at the end of the wait.
SETTINGS = {"server__header_timeout_seconds": 60, "limits__sockets_per_user": SOCKETS + 5}


def limited(server):
    """Makes the server run with few descriptors: a hard limit, which it cannot raise."""
    wrapper = server.folder / "limited"
    wrapper.write_text(f'#!/bin/sh\nulimit -n {MOST} && exec "{server.binary}" "$@"\n')
    wrapper.chmod(0o755)
    server.binary = str(wrapper)


def run(server, token):
    """Whether the result is as promised, and its description."""
    place = urllib.parse.urlsplit(server.url)
    process = server.process.pid
    peers = [Peer(server.url, token) for _ in range(SOCKETS)]
    kept_alive = http.client.HTTPConnection(place.netloc, timeout=20)
    broadcast(kept_alive, token, "before")
    flood = []
    for _ in range(FLOOD):
        # Most of them stay in the kernel's backlog; the server never accepts them.
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((place.hostname, place.port))
        flood.append(one)
    time.sleep(1)
    used, before = open_files(process), cpu_seconds(process)
    time.sleep(WAIT_SECONDS)
    load = (cpu_seconds(process) - before) / WAIT_SECONDS
    status = broadcast(kept_alive, token, "meanwhile")
    heard = sum(hears(peer, "meanwhile") for peer in peers)
    for one in flood:
        one.close()
    began = time.monotonic()
    while not is_live(place.netloc) and time.monotonic() - began < 30:
        time.sleep(0.05)
    back = time.monotonic() - began
    complaints = sum("cannot accept" in line for line in server.lines)
    kept = used >= MOST - 2 and load < 0.1 and status == 200 and heard == SOCKETS and back < 5
    return kept, (
        f"{used} of {MOST} descriptors used; {load:.3f} CPU-s/s for {WAIT_SECONDS} s; a broadcast answered {status}, heard by "
        f"{heard} of {SOCKETS} sockets; new connections answered {back:.2f} s after; {complaints} complaints in the log"
    )


def broadcast(connection, token, message):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/admin/broadcast", json.dumps({"message": message}), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def hears(peer, message):
    while peer.hears("system_notification")["message"] != message:
        pass
    return True


def is_live(address):
    try:
        connection = http.client.HTTPConnection(address, timeout=2)
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except OSError:
        return False
