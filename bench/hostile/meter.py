"""The server's resource usage during an attack, and the response times of an honest client."""

import http.client
import multiprocessing
import os
import pathlib
import time
import urllib.parse

from .peer import Peer

PAUSE_SECONDS = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """CPU time and memory of the server, and the honest client's times, during a `with`."""

    def __init__(self, server, token):
        self.process = server.process.pid
        self.url, self.token = server.url, token

    def __enter__(self):
        self.over, self.times = multiprocessing.Event(), multiprocessing.Queue()
        self.honest = multiprocessing.Process(target=be_honest, args=(self.url, self.token, self.over, self.times))
        self.honest.start()
        self.rss_before, self.began, self.cpu_before = rss_mib(self.process), time.monotonic(), cpu_seconds(self.process)
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began
        self.cpu = cpu_seconds(self.process) - self.cpu_before
        self.rss_after = rss_mib(self.process)
        self.over.set()
        self.answers, self.pongs, self.failures = self.times.get(timeout=60)
        self.honest.join()

    @property
    def load(self):
        """CPU seconds per second."""
        return self.cpu / self.seconds

    def words(self):
        p50, p99, pong99 = percentile(self.answers, 50), percentile(self.answers, 99), percentile(self.pongs, 99)
        return (
            f"server {self.load:.3f} CPU-s/s, {self.rss_before:.0f} -> {self.rss_after:.0f} MiB; honest: "
            f"{len(self.answers)} answers, {self.failures} failed, p50 {p50:.1f} p99 {p99:.1f} ms; pong p99 {pong99:.1f} ms"
        )


def be_honest(url, token, over, times):
    """Uses a new connection per request and one lasting socket, in turn, until `over`."""
    address = urllib.parse.urlsplit(url).netloc
    answers, pongs, failures = [], [], 0
    socket = Peer(url, token)
    while not over.is_set():
        began = time.perf_counter()
        try:
            connection = http.client.HTTPConnection(address, timeout=10)
            connection.request("GET", "/livez")
            connection.getresponse().read()
            connection.close()
            answers.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            socket.ask({"type": "ping"}, "pong")
            pongs.append((time.perf_counter() - began) * 1000)
        except OSError:
            failures += 1
        # No faster than a socket's message limit.
        over.wait(max(PAUSE_SECONDS, 1 / 25))
    socket.close()
    times.put((answers, pongs, failures))


def percentile(taken, rank):
    ordered = sorted(taken) or [float("nan")]
    return ordered[min(len(ordered) - 1, len(ordered) * rank // 100)]


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mib(process):
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def open_files(process):
    return len(list(pathlib.Path(f"/proc/{process}/fd").iterdir()))
