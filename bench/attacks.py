#!/usr/bin/env python3
"""Attacks that once stopped a node, each against a new server. Standard library; not part of CI: it takes twenty
minutes, and a busy machine distorts the times. Loopback only.

    LOTLINE_BIN=target/release/lotline python3 bench/attacks.py [page] [robots] [brackets] [attributes] [connections] [bodies]
        [sessions] [tickets] [subscribes] [slow-hosts] [guesses]

One line per case: resource usage of the server, and how another tenant was served. No verdict: compare two builds.
"""

import argparse
import http.client
import json
import multiprocessing
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "conformance"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from attack import site  # noqa: E402
from attack.stage import ALPHA, BETA, Meter, Stage, cpu_seconds, is_open, rss_mib  # noqa: E402
from server import Server  # noqa: E402
from wire import Socket  # noqa: E402

VICTIM = "127.0.0.4"
MEMORY_BYTES = 6 * 2**30


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("cases", nargs="*", default=list(CASES), metavar="case", help=", ".join(CASES))
    options = options.parse_args()
    if unknown := set(options.cases) - set(CASES):
        sys.exit(f"no such case: {', '.join(unknown)}")
    for case in options.cases:
        for line in CASES[case]():
            print(f"{case}: {line}", flush=True)


def crawling(hosts, **settings):
    named = ",".join(host.address for host in hosts)
    return Server(
        crawler__enabled="true", crawler__allowed_private_hosts=named, crawler__crawl_delay_ms=0, **settings
    )


def page():
    host = site.Host(site.nested_items())
    with crawling([host]) as server:
        stage = Stage(server)
        limit(server.process)
        with Meter(stage) as meter:
            job = stage.job(stage.bob, host.address)
            end = time.monotonic() + 60
            found = {"status": "?"}
            while time.monotonic() < end and server.process.poll() is None:
                try:
                    found = stage.status(stage.bob, job)
                except OSError:
                    continue
                if found["status"] in ("completed", "failed"):
                    break
                time.sleep(0.2)
        ended = server.process.poll()
        yield f"870 bytes: {'server alive' if ended is None else f'server ended with {ended}'}, job {found['status']}; {meter.words()}"


def robots():
    hosts = [site.Host(robots=site.wildcard_rules()) for _ in range(8)]
    with crawling(hosts) as server:
        stage = Stage(server)
        with Meter(stage) as meter:
            found = stage.wait(stage.bob, stage.job(stage.bob, *(host.address for host in hosts)), 60)
        time.sleep(5)
        yield f"8 hosts of 10,000 rules: job {found['status']}; {meter.words()}; 5 s later {rss_mib(server.process.pid):.0f} MiB"


def brackets():
    host = site.Host(site.angle_brackets(), pages=8)
    with crawling([host]) as server:
        stage = Stage(server)
        with Meter(stage) as meter:
            found = stage.wait(stage.bob, stage.job(stage.bob, host.address), 90)
        yield f"8 pages of 8 MiB of '<': job {found['status']}, {found.get('pages_crawled')} pages; {meter.words()}"


def attributes():
    hosts = [site.Host(site.attributes()) for _ in range(2)]
    server = crawling(hosts)
    with server:
        stage = Stage(server)
        with Meter(stage) as meter:
            jobs = [stage.job(stage.bob, host.address) for host in hosts]
            until = time.monotonic() + 35
            while time.monotonic() < until and any(
                stage.status(stage.bob, job)["status"] in ("pending", "running") for job in jobs
            ):
                time.sleep(0.5)
            statuses = [stage.status(stage.bob, job)["status"] for job in jobs]
            cancels = [stage.call("POST", f"/api/v1/jobs/{job}/cancel", stage.bob)[0] for job in jobs]
            time.sleep(5)
            cpu = cpu_seconds(server.process.pid)
            time.sleep(3)
            burnt = cpu_seconds(server.process.pid) - cpu
        yield f"two tags of 1.2 million attributes: jobs {statuses} after {meter.seconds - 8:.0f} s, cancel {cancels}, then {burnt:.1f} CPU-s in 3 s; {meter.words()}"
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        try:
            server.process.wait(45)
            yield f"SIGTERM: ended after {time.monotonic() - begun:.1f} s"
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()
            yield "SIGTERM: still there after 45 s, killed"


def connections():
    with Server() as server:
        stage = Stage(server)
        place = urllib.parse.urlsplit(server.url)
        with Meter(stage) as meter:
            held, begun = [], time.monotonic()
            ask = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
            while len(held) < 16_384 and time.monotonic() - begun < 60:
                try:
                    one = socket.create_connection((place.hostname, place.port), timeout=5, source_address=(BETA, 0))
                    one.sendall(ask)
                    one.recv(4096)
                    held.append(one)
                except OSError:
                    break
            took = time.monotonic() - begun
            others = [attempt(lambda: stage.call("GET", "/livez", source=VICTIM, timeout=5)[0]) for _ in range(3)]
        yield f"{len(held)} idle connections of one address in {took:.1f} s: others' /livez {others}; {meter.words()}"
        for one in held:
            one.close()


def bodies():
    with Server() as server:
        stage = Stage(server)
        place = urllib.parse.urlsplit(server.url)
        for path in ("/api/v1/auth/token", "/api/v1/auth/register", "/api/v1/auth/password"):
            with Meter(stage) as meter:
                held = []
                for _ in range(300):
                    try:
                        one = socket.create_connection((place.hostname, place.port), timeout=5, source_address=(BETA, 0))
                        one.settimeout(0.5)
                        kind = b"application/x-www-form-urlencoded" if path.endswith("token") else b"application/json"
                        one.sendall(
                            b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 1048000\r\n\r\n"
                            % (path.encode(), kind)
                        )
                        one.sendall(b'"' + b"x" * 999_999)
                    except OSError:
                        pass
                    held.append(one)
                time.sleep(2)
                after = rss_mib(server.process.pid)
            yield f"300 unfinished bodies at {path}: {after:.0f} MiB held; {meter.words()}"
            for one in held:
                one.close()
            time.sleep(1)


def sessions():
    with Server(limits__requests_per_user=0) as server:
        stage = Stage(server, role="viewer")
        sockets = [Socket(server.url, stage.ann) for _ in range(4)]
        form = urllib.parse.urlencode({"username": "beta/bob", "password": server.password})
        with Meter(stage) as meter:
            statuses, lock = {}, threading.Lock()

            def sign_in(times):
                for _ in range(times):
                    status = attempt(lambda: stage.call("POST", "/api/v1/auth/token", body=form, source=BETA)[0])
                    with lock:
                        statuses[status] = statuses.get(status, 0) + 1

            run([lambda: sign_in(300)] * 10)
            ended = stage.call("DELETE", "/api/v1/auth/sessions", stage.bob)[0]
            time.sleep(2)
        alive = [is_open(one) for one in sockets]
        yield f"3,000 sign-ins {statuses}, all ended at once {ended}: alpha's sockets {alive}; {meter.words()}"


def tickets():
    with Server(limits__requests_per_user=0) as server:
        stage = Stage(server, role="admin")
        keys = [server.key("beta", "bob") for _ in range(4)]
        with Meter(stage) as meter:
            begun = time.monotonic()
            with multiprocessing.Pool(len(keys)) as pool:
                seen = pool.starmap(take_tickets, [(server.url, key, 26_250) for key in keys])
            took = time.monotonic() - begun
            others = [stage.call("POST", "/api/v1/auth/socket-ticket", stage.ann)[0] for _ in range(10)]
        yield f"105,000 tickets with a stream each in {took:.0f} s {seen}: ten of alpha {others}; {meter.words()}"


def take_tickets(url, key, times):
    """Repeatedly gets a ticket, opens a stream with it and closes it; returns the statuses of the tickets."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30, source_address=(BETA, 0))
    seen = {}
    for _ in range(times):
        connection.request("POST", "/api/v1/auth/socket-ticket", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        text = answer.read()
        seen[answer.status] = seen.get(answer.status, 0) + 1
        if answer.status != 200:
            continue
        stream = socket.create_connection((place.hostname, place.port), timeout=30, source_address=(BETA, 0))
        stream.sendall(f"GET /sse/notifications?ticket={json.loads(text)['ticket']} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        stream.recv(4096)
        stream.close()
    return seen


def subscribes():
    with Server(limits__requests_per_user=0, limits__messages_per_second=1000) as server:
        stage = Stage(server, role="viewer")
        server.user("beta", "eve", "admin")
        key = server.key("beta", "eve")
        for batch in range(100):
            rows = [
                {"source": "s", "listing_key": f"{batch}-{row}", "standard_status": "active", "list_price": 1, "currency": "USD"}
                for row in range(500)
            ]
            status, _ = stage.call("POST", "/api/v1/properties/batch", key, {"items": rows})
            if status != 200:
                raise RuntimeError(f"no batch: {status}")
        status, first = stage.call("GET", "/api/v1/events?limit=1&subscriptions=property_updates", stage.bob)
        since = stage.call("GET", "/api/v1/events?limit=1", stage.bob)[1]["position"]
        del status, first
        peer = Socket(server.url, stage.bob)
        seen = {}
        with Meter(stage) as meter:
            listener = threading.Thread(target=count, args=(peer, seen), daemon=True)
            listener.start()
            for number in range(1_500):
                words = {
                    "type": "subscribe", "subscription": "property_updates", "key": f"k{number}", "since": since,
                    "filter": {"city": "x" * 60_000},
                }
                if not send(peer, json.dumps(words).encode()):
                    break
                time.sleep(1 / 28)
            cpu = cpu_seconds(server.process.pid)
            time.sleep(10)
            still = cpu_seconds(server.process.pid) - cpu
        yield f"1,500 subscribes with 60 KB filters over a log of 50,000: {seen}; 10 s later {still:.1f} CPU-s in them; {meter.words()}"


def slow_hosts():
    slow = [site.Host(robots=b"User-agent: *\nCrawl-delay: 60\n", pages=1000) for _ in range(4)]
    quick = site.Host()
    with crawling([*slow, quick]) as server:
        stage = Stage(server)
        with Meter(stage) as meter:
            for host in slow:
                stage.job(stage.bob, host.address)
            time.sleep(3)
            job, begun = stage.job(stage.ann, quick.address), time.monotonic()
            found = stage.wait(stage.ann, job, 90)
            took = time.monotonic() - begun
        yield f"four jobs of hosts that want 60 s between requests: alpha's job {found['status']} after {took:.1f} s; {meter.words()}"


def guesses():
    with Server() as server:
        stage = Stage(server)
        right = urllib.parse.urlencode({"username": "alpha/ann", "password": server.password})
        wrong = urllib.parse.urlencode({"username": "alpha/ann", "password": "not this one"})
        over = threading.Event()
        thieves, victims, first = {}, {}, []

        def note(into, body, source):
            status = attempt(lambda: stage.call("POST", "/api/v1/auth/token", body=body, source=source, timeout=60)[0])
            into[status] = into.get(status, 0) + 1
            return status

        def guess():
            while not over.wait(0.2):
                note(thieves, wrong, BETA)

        thief = threading.Thread(target=guess, daemon=True)
        thief.start()
        begun = time.monotonic()
        time.sleep(10)
        while time.monotonic() - begun < 240:
            asked = time.monotonic()
            if note(victims, right, VICTIM) == 200 and not first:
                first.append(f"let in after {time.monotonic() - asked:.1f} s")
            time.sleep(5)
        over.set()
        thief.join(70)
        yield f"four minutes: the guesser {thieves}; the right password from a new address {victims}, {first or 'never let in'}"


def limit(process):
    """Limits the server's memory, so that only the server fails when it needs more, not the machine."""
    subprocess.run(["prlimit", "--pid", str(process.pid), f"--as={MEMORY_BYTES}"], check=True)


def attempt(call):
    try:
        return call()
    except OSError as error:
        return type(error).__name__


def run(works):
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send(peer, payload):
    head = bytes([0x81, 0x80 | 127]) + len(payload).to_bytes(8) if len(payload) > 65535 else bytes([0x81, 0x80 | 126]) + len(
        payload
    ).to_bytes(2)
    try:
        peer.stream.sendall(head + b"\0\0\0\0" + payload)
        return True
    except OSError:
        return False


def count(peer, seen):
    try:
        while True:
            for opcode, payload in peer.frames():
                kind = json.loads(payload)["type"] if opcode == 1 else f"close {int.from_bytes(payload[:2])}" if opcode == 8 else "ping"
                if kind == "error":
                    kind = f"error {json.loads(payload).get('code')}"
                seen[kind] = seen.get(kind, 0) + 1
            peer.receive()
    except (OSError, EOFError):
        pass


CASES = {
    "page": page,
    "robots": robots,
    "brackets": brackets,
    "attributes": attributes,
    "connections": connections,
    "bodies": bodies,
    "sessions": sessions,
    "tickets": tickets,
    "subscribes": subscribes,
    "slow-hosts": slow_hosts,
    "guesses": guesses,
}


if __name__ == "__main__":
    sys.exit(main())
