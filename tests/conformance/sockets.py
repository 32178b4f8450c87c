"""Autobahn's WebSocket cases, run by kosoku against /ws/echo through the same accept loop as all other requests.

Everything outside compression must pass. Compression is not offered, so its cases must be unimplemented.
"""

import asyncio
import collections
import sys

import kosoku

from server import Server

# 12 and 13 are permessage-deflate.
COMPRESSION = ("12.", "13.")
# Pass: conforming, conforming except for a SHOULD, or informational.
GOOD = {"OK", "NON-STRICT", "INFORMATIONAL"}
# A user may have one echo socket; the next case begins when the previous one has closed.
AT_ONCE = 1
# Autobahn's cases outside compression; with fewer in a run the tool skipped some.
FEWEST = 301


def main():
    with Server() as server:
        server.tenant("acme")
        server.user("acme", "ann", "admin")
        token = server.token("acme", "ann")
        server.start()
        url = f"{server.socket_url}/ws/echo?token={token}"
        results = asyncio.run(cases(url, ["*"], [f"{group}*" for group in COMPRESSION]))
        compressed = asyncio.run(cases(url, [f"{group}*" for group in COMPRESSION], None))
    report("outside compression", results)
    report("compression (not offered)", compressed)
    bad = [case for case in results if not passed(case)]
    # Without the extension `unimplemented` is the right verdict, and a failure still is one.
    bad += [case for case in compressed if verdicts(case) & {"FAILED", "ERROR"}]
    for case in bad:
        print(f"case {case.case_id}: {case.behavior.value}, close {case.behavior_close.value}: {case.result}")
    if len(results) < FEWEST:
        print(f"only {len(results)} cases ran, of {FEWEST}")
    return 1 if bad or len(results) < FEWEST else 0


async def cases(url, include, exclude):
    try:
        return await kosoku.run_fuzzingclient(url, include, exclude, concurrency=AT_ONCE)
    except kosoku.FailureError as failure:
        return failure.results


def verdicts(case):
    return {case.behavior.value, case.behavior_close.value}


def passed(case):
    return verdicts(case) <= GOOD


def report(what, results):
    counts = collections.Counter(case.behavior.value for case in results)
    words = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    print(f"WebSocket cases {what}: {len(results)} run: {words}")


if __name__ == "__main__":
    sys.exit(main())
