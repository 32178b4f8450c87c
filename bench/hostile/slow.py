"""Clients that never finish the request or hardly read the answer: slowhttptest in its three modes."""

import csv
import pathlib
import re
import subprocess
import time

from .meter import Meter, open_files

CONNECTIONS = 1000
# Additional descriptors for the honest client, the probe and the store.
SPARE = 12
# CPU seconds per second.
MOST_LOAD = 0.5
# The options of slowhttptest, its path, and its maximum duration in seconds.
HEADERS = ["-H", "-i", "3", "-x", "24", "-t", "GET"]
BODY = ["-B", "-i", "3", "-s", "8192", "-x", "10", "-t", "POST"]
READ = ["-X", "-w", "512", "-y", "1024", "-n", "3", "-z", "32", "-k", "3"]
WAYS = {"headers": (HEADERS, "/livez", 30), "body": (BODY, "/api/v1/auth/token", 30), "read": (READ, "/openapi.json", 75)}
DEADLINES = {"server__header_timeout_seconds": 5, "server__body_timeout_seconds": 5, "server__request_timeout_seconds": 10}


def run(way, server, token):
    """Whether the result is as promised, and its description."""
    options, path, seconds = WAYS[way]
    before = open_files(server.process.pid)
    report = server.folder / way
    command = ["slowhttptest", *options, "-u", server.url + path, "-c", str(CONNECTIONS), "-r", "500"]
    command += ["-l", str(seconds), "-p", "3", "-g", "-o", str(report), "-v", "1"]
    with Meter(server, token) as meter:
        slow = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        held, freed = watch(server.process.pid, before + SPARE, slow)
        said = slow.communicate(timeout=60)[0]
    # The output has terminal colours.
    said = re.sub(r"\x1b\[[0-9;]*m", "", said)
    end = re.search(r"Test ended on (\d+)th second\s+Exit status:\s*([^\n]+)", said)
    rows = list(csv.DictReader(pathlib.Path(f"{report}.csv").open()))
    unavailable = sum(row["Service Available"] == "0" for row in rows)
    kept = end and freed and not unavailable and not meter.failures and meter.load < MOST_LOAD
    how = f"the server let go of all after {freed:.0f} s" if freed else "NEVER let go"
    how += f", the client was done after {end[1]} s ({end[2].lower()})" if end else ", the client has no report"
    return bool(kept), f"{held} descriptors at once, {how}; probe unanswered in {unavailable} s; {meter.words()}"


def watch(process, few, client):
    """Watches until the client ends: the most descriptors, and when there were at most `few` again for good."""
    began, held, freed = time.monotonic(), 0, None
    while client.poll() is None:
        now = open_files(process)
        held = max(held, now)
        if now > few:
            freed = None
        elif held > few:
            freed = freed or time.monotonic() - began
        time.sleep(0.25)
    if freed is None and open_files(process) <= few:
        freed = time.monotonic() - began
    return held, freed
