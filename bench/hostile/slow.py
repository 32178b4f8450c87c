"""Clients that never finish their sentence or hardly read the answer: slowhttptest in its three ways."""

import csv
import pathlib
import re
import subprocess

from .meter import Meter, open_files

CONNECTIONS = 1000
# Processor seconds in a second.
MOST_LOAD = 0.5
# What slowhttptest does, at which path, and for how many seconds at most.
HEADERS = ["-H", "-i", "3", "-x", "24", "-t", "GET"]
BODY = ["-B", "-i", "3", "-s", "8192", "-x", "10", "-t", "POST"]
READ = ["-X", "-w", "512", "-y", "1024", "-n", "3", "-z", "32", "-k", "3"]
WAYS = {"headers": (HEADERS, "/livez", 30), "body": (BODY, "/api/v1/auth/token", 30), "read": (READ, "/openapi.json", 75)}
DEADLINES = {"server__header_timeout_seconds": 5, "server__body_timeout_seconds": 5, "server__request_timeout_seconds": 10}


def run(way, server, token):
    """What was seen, and whether it is as promised."""
    options, path, seconds = WAYS[way]
    before = open_files(server.process.pid)
    report = server.folder / way
    command = ["slowhttptest", *options, "-u", server.url + path, "-c", str(CONNECTIONS), "-r", "500"]
    command += ["-l", str(seconds), "-p", "3", "-g", "-o", str(report), "-v", "1"]
    with Meter(server, token) as meter:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    # Coloured for a terminal.
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    end = re.search(r"Test ended on (\d+)th second\s+Exit status:\s*([^\n]+)", said)
    rows = list(csv.DictReader(pathlib.Path(f"{report}.csv").open()))
    most = max(int(row["Connected"]) for row in rows)
    unavailable = sum(row["Service Available"] == "0" for row in rows)
    left = open_files(server.process.pid) - before
    kept = end and end[2] == "No open connections left" and not unavailable and not meter.failures and meter.load < MOST_LOAD
    how = f"{end[2].lower()} after {end[1]} s" if end else "no end"
    return bool(kept), (
        f"{most} open at once, {how}, {left} descriptors more than before; probe unanswered in {unavailable} s; {meter.words()}"
    )
