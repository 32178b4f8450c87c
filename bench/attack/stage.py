"""Two tenants on one server: `beta` attacks, `alpha` is measured. The server's resource usage meanwhile."""

import http.client
import json
import os
import pathlib
import threading
import time
import urllib.parse

from wire import Socket

TICKS = os.sysconf("SC_CLK_TCK")
ALPHA, BETA = "127.0.0.1", "127.0.0.2"


class Stage:
    """A server with both tenants, in a `with`."""

    def __init__(self, server, members=("bob",), role="member"):
        self.server = server
        server.tenant("alpha")
        server.user("alpha", "ann", "admin")
        server.tenant("beta")
        for name in members:
            server.user("beta", name, role)
        server.start()
        self.ann = server.token("alpha", "ann")
        self.members = [server.token("beta", name) for name in members]
        self.bob = self.members[0]

    @property
    def process(self):
        return self.server.process

    def call(self, method, path, token=None, body=None, source=ALPHA, timeout=30):
        """Status and answer, on a new connection."""
        place = urllib.parse.urlsplit(self.server.url)
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=timeout, source_address=(source, 0))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        elif body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text and text[:1] in b"{[" else text
        finally:
            connection.close()

    def job(self, token, *addresses, **more):
        body = {"spider_name": "auto", "target_urls": [f"http://{address}/" for address in addresses]} | more
        status, answer = self.call("POST", "/api/v1/jobs", token, body)
        if status != 201:
            raise RuntimeError(f"no job: {status} {answer}")
        return answer["job_id"]

    def status(self, token, job):
        return self.call("GET", f"/api/v1/jobs/{job}", token)[1]

    def wait(self, token, job, seconds):
        """The job when it has ended, or its state after that time."""
        end = time.monotonic() + seconds
        while True:
            found = self.status(token, job)
            if found["status"] in ("completed", "failed", "cancelled") or time.monotonic() > end:
                return found
            time.sleep(0.2)


class Meter:
    """Memory and CPU time of the server with its readers, and alpha's response times, during a `with`."""

    def __init__(self, stage):
        self.stage, self.pid = stage, stage.process.pid
        self.peak, self.family_peak, self.times, self.failures, self.socket_alive = 0, 0, [], 0, True

    def __enter__(self):
        self.before, self.cpu_before, self.began = rss_mib(self.pid), cpu_seconds(self.pid), time.monotonic()
        self.socket = Socket(self.stage.server.url, self.stage.ann)
        self.over = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.sample, self.ask)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
        self.seconds = time.monotonic() - self.began
        self.after = rss_mib(self.pid)
        self.cpu = cpu_seconds(self.pid) - self.cpu_before
        self.socket_alive = self.socket_alive and is_open(self.socket)

    def sample(self):
        while not self.over.wait(0.02):
            self.peak = max(self.peak, rss_mib(self.pid))
            self.family_peak = max(self.family_peak, rss_mib(self.pid) + sum(map(rss_mib, children(self.pid))))

    def ask(self):
        while not self.over.wait(0.05):
            began = time.perf_counter()
            # Answers its pings.
            self.socket_alive = self.socket_alive and is_open(self.socket, 0.001)
            try:
                status, _ = self.stage.call("GET", "/api/v1/rooms", self.stage.ann, timeout=5)
                self.failures += status != 200
            except OSError:
                self.failures += 1
            self.times.append((time.perf_counter() - began) * 1000)

    def words(self):
        times = sorted(self.times) or [float("nan")]
        p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
        return (
            f"server {self.before:.0f} -> {self.after:.0f} MiB, peak {self.peak:.0f} (with readers {self.family_peak:.0f}), "
            f"{self.cpu:.1f} CPU-s in {self.seconds:.1f} s; alpha: {len(times)} requests, {self.failures} failed, "
            f"p50 {p50:.1f} p99 {p99:.1f} ms, socket {'open' if self.socket_alive else 'CLOSED'}"
        )


def is_open(socket, seconds=0.3):
    """Whether it has not been closed so far."""
    socket.stream.settimeout(seconds)
    try:
        while True:
            for opcode, _ in socket.frames():
                if opcode == 8:
                    return False
            socket.receive()
    except TimeoutError:
        return True
    except (OSError, EOFError):
        return False


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] + [
            int(child)
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            if task.name != str(pid)
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def rss_mib(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return 0


def cpu_seconds(pid):
    """CPU time of the process and of the children that it has waited for."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / TICKS
    except OSError:
        return float("nan")
