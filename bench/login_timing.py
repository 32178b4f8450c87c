#!/usr/bin/env python3
"""Does the time of a refused sign-in reveal whether a user name exists? Standard library; not part of CI, because a
busy machine distorts the times.

    LOTLINE_BIN=target/release/lotline python3 bench/login_timing.py

Starts a server with the default password cost, signs in with wrong passwords as existing and as unknown users, in
random order, and compares the times by rank (Mann-Whitney, normal approximation).
"""

import argparse
import http.client
import math
import pathlib
import random
import secrets
import statistics
import sys
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "conformance"))

from server import Server  # noqa: E402

# Below it the kinds are distinguishable; with equal times one run in a hundred falls below.
LEAST_P = 0.01
# Failures that the sign-in throttle allows without a delay, per account and per address.
FAILURES_OF_A_USER = 4
FAILURES_OF_AN_ADDRESS = 20


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tries", type=int, default=200, help="of each kind")
    options = options.parse_args()
    cost = {"auth__password_memory_kib": 19456, "auth__password_iterations": 2}
    with Server(server__trusted_proxies="127.0.0.1", **cost) as server:
        known = make_users(server, -(-options.tries // FAILURES_OF_A_USER))
        server.start()
        times = measure(server.url, known, options.tries)
    for kind, taken in times.items():
        print(f"{kind}: {len(taken)} tries, median {statistics.median(taken):.2f} ms")
    p = rank_test(times["known"], times["unknown"])
    print(f"p = {p:.3f}: {'told apart' if p < LEAST_P else 'not told apart'}")
    return 1 if p < LEAST_P else 0


def make_users(server, count):
    server.tenant("acme")
    names = [f"u{secrets.token_hex(4)}" for _ in range(count)]
    for name in names:
        server.user("acme", name, "member")
    return names


def measure(url, known, tries):
    server = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(server.hostname, server.port, timeout=60)
    unknown = [f"u{secrets.token_hex(4)}" for _ in known]
    plan = [("known", known[number % len(known)]) for number in range(tries)]
    plan += [("unknown", unknown[number % len(unknown)]) for number in range(tries)]
    random.shuffle(plan)
    times = {"known": [], "unknown": []}
    for number, (kind, name) in enumerate(plan):
        block = number // FAILURES_OF_AN_ADDRESS
        seconds = sign_in(connection, f"acme/{name}", f"198.18.{block // 250}.{block % 250 + 1}")
        times[kind].append(seconds * 1000)
    return times


def sign_in(connection, name, address):
    body = urllib.parse.urlencode({"username": name, "password": secrets.token_hex(8)})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": address}
    began = time.perf_counter()
    connection.request("POST", "/api/v1/auth/token", body, headers)
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - began
    if answer.status != 401:
        sys.exit(f"a wrong password was answered {answer.status}, not 401")
    return seconds


def rank_test(first, second):
    """Two-sided p of the Mann-Whitney test. Ties are so rare among times that they are ranked in any order."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum = sum(rank for rank, (_, group) in enumerate(ranked, 1) if group == 0)
    n, m = len(first), len(second)
    u = rank_sum - n * (n + 1) / 2
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc(abs(u - n * m / 2) / deviation / math.sqrt(2))


if __name__ == "__main__":
    sys.exit(main())
