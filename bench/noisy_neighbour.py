#!/usr/bin/env python3
"""How much does a tenant that floods at its quota slow another one? Standard library; not part of CI, because a busy
machine distorts the times.

    export LOTLINE_BIN=target/release/lotline; python3 bench/noisy_neighbour.py
    export LOTLINE_POSTGRES_FSYNC=on; scripts/with-postgres python3 bench/noisy_neighbour.py --postgres

Two tenants on one node. The quiet one broadcasts twenty times a second and times each answer; the noisy one, in every
second window, broadcasts over many connections as fast as its quota allows. Prints the quiet one's p50 and p99 with
and without the flood, and their ratio. Exit status 1 when the p99 grew by more than a fifth. TMPDIR selects the
store's disk.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "conformance"))

import postgres  # noqa: E402
from server import Server  # noqa: E402
from wire import connect, percentile  # noqa: E402

MOST_RATIO = 1.2
PAUSE_SECONDS = 0.05
REFUSED_PAUSE_SECONDS = 0.02
# The flooding clients have a lower CPU priority than the server and the quiet client: their own load is not measured.
FLOOD_NICENESS = 15


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--windows", type=int, default=10, help="of each kind")
    options.add_argument("--seconds", type=float, default=5.0, help="of each window")
    options.add_argument("--quota", type=int, default=200, help="requests a second of a tenant")
    options.add_argument("--threads", type=int, default=16, help="connections of the noisy tenant")
    options.add_argument("--postgres", action="store_true", help="on the PostgreSQL of scripts/with-postgres")
    options = options.parse_args()
    store = postgres.settings("neighbours") if options.postgres else {}
    limits = {"limits__requests_per_user": 0, "limits__requests_per_tenant": options.quota}
    with Server(**limits, **store) as server:
        for tenant in ("quiet", "noisy"):
            server.tenant(tenant)
            server.user(tenant, "ann", "admin")
        quiet, noisy = (server.token(tenant, "ann") for tenant in ("quiet", "noisy"))
        server.start()
        times = measure(server.url, quiet, noisy, options)
    p99 = {kind: percentile(taken, 99) for kind, taken in times.items()}
    for kind, taken in times.items():
        print(f"{kind}: {len(taken)} answers, p50 {statistics.median(taken):.2f} ms, p99 {p99[kind]:.2f} ms")
    ratio = p99["flood"] / p99["calm"]
    print(f"p99 with the flood / without: {ratio:.2f}")
    return 1 if ratio > MOST_RATIO else 0


def measure(url, quiet, noisy, options):
    times = {"calm": [], "flood": []}
    served = refused = 0
    for window in range(2 * options.windows):
        kind = ("calm", "flood")[window % 2]
        over, counts = multiprocessing.Event(), multiprocessing.Queue()
        # A separate process, so that it does not delay the reading of the quiet one's answers.
        flood = multiprocessing.Process(target=flood_until, args=(url, noisy, options.threads, over, counts))
        if kind == "flood":
            flood.start()
        times[kind] += ask(url, quiet, options.seconds)
        over.set()
        if kind == "flood":
            for more_served, more_refused in [counts.get() for _ in range(options.threads)]:
                served, refused = served + more_served, refused + more_refused
            flood.join()
    print(f"the noisy tenant: {served} served, {refused} refused")
    return times


def ask(url, token, seconds):
    """The response times in milliseconds."""
    connection, taken = connect(url), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        status, _ = broadcast(connection, token)
        taken.append((time.perf_counter() - begun) * 1000)
        if status != 200:
            sys.exit(f"the quiet tenant was answered {status}")
        time.sleep(PAUSE_SECONDS)
    connection.close()
    return taken


def flood_until(url, token, threads, over, counts):
    os.nice(FLOOD_NICENESS)
    flood = [threading.Thread(target=flood_alone, args=(url, token, over, counts)) for _ in range(threads)]
    for thread in flood:
        thread.start()
    for thread in flood:
        thread.join()


def flood_alone(url, token, over, counts):
    connection, served, refused = connect(url), 0, 0
    while not over.is_set():
        try:
            status, _ = broadcast(connection, token)
        except (OSError, http.client.HTTPException):
            # A refusal does not wait for the body; the server then closes the connection.
            connection.close()
            connection, status = connect(url), 429
        served, refused = served + (status == 200), refused + (status != 200)
        if status == 429:
            # Refusals are cheap for the server; without a pause the client's own CPU time would be measured.
            time.sleep(REFUSED_PAUSE_SECONDS)
    connection.close()
    counts.put((served, refused))


def broadcast(connection, token):
    body = json.dumps({"message": "x" * 200})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/admin/broadcast", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


if __name__ == "__main__":
    sys.exit(main())
