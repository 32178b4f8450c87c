#!/usr/bin/env python3
"""Hostile or vanished peers beside an honest one: their cost, and how they are disconnected. Standard library, and
slowhttptest for `slow`; `gone` needs root, ip and iptables. Not part of CI: it takes minutes, and a busy machine
distorts the times.

    LOTLINE_BIN=target/release/lotline python3 bench/hostile_peers.py [calm] [slow] [floods] [gone] [descriptors]

Each case has a new server and prints one line. Exit status 1 when a result is not as `docs/promises.md` says.
"""

import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "conformance"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from hostile import descriptors, floods, gone, slow  # noqa: E402
from hostile.meter import Meter  # noqa: E402
from server import Server  # noqa: E402

CALM_SECONDS = 15


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("cases", nargs="*", default=list(CASES), metavar="case", help=", ".join(CASES))
    options.add_argument("--hold", nargs=2, metavar=("URL", "TOKEN"), help=argparse.SUPPRESS)
    options = options.parse_args()
    if options.hold:
        return gone.hold(*options.hold)
    if unknown := set(options.cases) - set(CASES):
        sys.exit(f"no such case: {', '.join(unknown)}")
    all_kept = True
    for case in options.cases:
        for name, kept, words in CASES[case]():
            print(f"{'ok  ' if kept else 'FAIL'} {name}: {words}", flush=True)
            all_kept = all_kept and kept
    return 0 if all_kept else 1


def run_calm():
    with ready() as (server, token):
        with Meter(server, token) as meter:
            time.sleep(CALM_SECONDS)
        yield "calm", meter.failures == 0, meter.words()


def run_slow():
    for way in slow.WAYS:
        with ready(**slow.DEADLINES) as (server, token):
            yield f"slow {way}", *slow.run(way, server, token)


def run_floods():
    for kind in floods.KINDS:
        with ready() as (server, token):
            yield f"flood of {kind}", *floods.run(kind, server, token)


def run_gone():
    with gone.namespace(), ready(**gone.SETTINGS) as (server, token):
        yield "gone", *gone.run(server, token)


def run_descriptors():
    with ready(descriptors.limited, **descriptors.SETTINGS) as (server, token):
        yield "descriptors", *descriptors.run(server, token)


CASES = {"calm": run_calm, "slow": run_slow, "floods": run_floods, "gone": run_gone, "descriptors": run_descriptors}


class ready:  # noqa: N801
    """A running server, and its admin's token."""

    def __init__(self, prepare=lambda _: None, **settings):
        self.server = Server(**settings)
        self.prepare = prepare

    def __enter__(self):
        self.prepare(self.server)
        self.server.tenant("acme")
        self.server.user("acme", "ann", "admin")
        token = self.server.token("acme", "ann")
        self.server.start()
        return self.server, token

    def __exit__(self, *_):
        self.server.stop()


if __name__ == "__main__":
    sys.exit(main())
