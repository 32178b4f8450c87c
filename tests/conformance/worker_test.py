"""The external worker of examples/worker.py against a real server, observed through a real socket."""

import http.server
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

from client import Api, Socket
from server import Server

WORKER = pathlib.Path(__file__).parents[2] / "examples" / "worker.py"
LEASE_SECONDS = 2
EXECUTIONS = 3


class Site:
    """Listings on loopback. A page named slow answers only after `let_go` was set."""

    def __init__(self):
        site = self
        self.asked, self.let_go = threading.Event(), threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if "slow" in self.path:
                    site.asked.set()
                    site.let_go.wait(60)
                body = f"<title>Home at {self.path}</title><p>$ 303,000</p>".encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except BrokenPipeError:
                    pass  # its worker was killed

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()


class Link:
    """A proxy that drops the server's first answer for each path that `lose` selects."""

    def __init__(self, target, lose):
        link = self
        self.lost = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = urllib.request.Request(target + self.path, body, dict(self.headers), method="POST")
                try:
                    answer = urllib.request.urlopen(request, timeout=60)
                except urllib.error.HTTPError as refusal:
                    answer = refusal
                with answer:
                    status, text = answer.status, answer.read()
                if lose(self.path) and self.path not in link.lost:
                    link.lost.add(self.path)
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class WorkerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(limits__lease_seconds=LEASE_SECONDS, limits__retake_seconds=1)
        cls.addClassCleanup(cls.server.stop)
        cls.server.tenant("acme")
        cls.server.user("acme", "ann", "admin")
        cls.token = cls.server.token("acme", "ann")
        cls.key = cls.server.key("acme", "ann")
        cls.server.start()
        cls.api = Api(cls.server.url, cls.token)
        cls.worker_api = Api(cls.server.url, cls.key)

    def setUp(self):
        # One spider per test, so that no test claims another's jobs.
        self.spider = self._testMethodName[5:50]
        self.api.post("/spiders", {"name": self.spider, "runner": "external"})
        self.site = Site()
        self.addCleanup(self.site.close)
        self.follower = Socket(f"{self.server.socket_url}/ws?token={self.token}")
        self.addCleanup(self.follower.stream.close)
        self.follower.until(type="connection_established")

    def test_a_worker_takes_a_job_to_its_end_and_a_follower_sees_it(self):
        job_id = self.start_job("/one", "/two", "/three")

        self.assertEqual(self.worker().wait(60), 0)

        completed = self.follower.until(type="job_update", event="job_completed", job_id=job_id)
        events = [message["event"] for message in self.follower.seen if message.get("job_id") == job_id and "event" in message]
        steps = [event for event in dict.fromkeys(events) if event.startswith("job_")]
        self.assertEqual(steps, ["job_queued", "job_started", "job_progress", "job_completed"])
        self.assertEqual(completed["total_items"], 3)
        self.assertEqual(completed["finish_reason"], "finished")
        job = self.api.get(f"/jobs/{job_id}")
        self.assertEqual((job["status"], job["items_scraped"], job["pages_crawled"]), ("completed", 3, 3))
        self.assertEqual(len(self.api.get(f"/jobs/{job_id}/items")["data"]), 3)
        self.assertEqual(len(self.api.get(f"/jobs/{job_id}/logs")["data"]), 3)
        prices = {row["list_price"] for row in self.api.get(f"/properties?job_id={job_id}")["data"]}
        self.assertEqual(prices, {303000})

    def test_a_job_whose_worker_was_killed_is_given_out_again(self):
        job_id = self.start_job("/one", "/slow")
        killed = self.worker()
        self.assertTrue(self.site.asked.wait(30), "the worker did not come to the slow page")

        killed.kill()
        killed.wait(30)

        self.follower.until(type="job_update", event="job_started", job_id=job_id)
        self.follower.until(type="job_update", event="job_queued", job_id=job_id)
        job = self.api.get(f"/jobs/{job_id}")
        self.assertEqual((job["status"], job["attempt"]), ("pending", 2))
        self.site.let_go.set()
        self.assertEqual(self.worker().wait(60), 0)
        completed = self.follower.until(type="job_update", event="job_completed", job_id=job_id)
        self.assertEqual(completed["total_items"], 2)
        self.assertEqual(self.api.get(f"/jobs/{job_id}")["attempt"], 2)

    def test_three_lost_executions_fail_the_job(self):
        job_id = self.start_job("/one")
        leases = []

        for _ in range(EXECUTIONS):
            claim = self.worker_api.post("/workers/claim", {"spiders": [self.spider], "wait_seconds": 30})
            self.assertEqual(claim["job"]["job_id"], job_id)
            leases.append(claim["lease_token"])

        failed = self.follower.until(type="job_update", event="job_failed", job_id=job_id)
        self.assertEqual(failed["error"], "worker_lost")
        job = self.api.get(f"/jobs/{job_id}")
        self.assertEqual((job["status"], job["error"], job["attempt"]), ("failed", "worker_lost", EXECUTIONS))
        for lease in leases:
            status, problem = self.worker_api.call("POST", f"/jobs/{job_id}/heartbeat", {"lease_token": lease})
            self.assertEqual((status, problem["code"]), (409, "lease_lost"))

    def test_a_running_job_that_is_cancelled_ends_when_its_worker_hears_of_it(self):
        job_id = self.start_job("/slow", "/never")
        worker = self.worker()
        self.assertTrue(self.site.asked.wait(30), "the worker did not come to the slow page")

        asked = self.api.post(f"/jobs/{job_id}/cancel")
        self.site.let_go.set()

        self.assertTrue(asked["cancel_requested"])
        self.assertEqual(worker.wait(60), 0)
        self.follower.until(type="job_update", event="job_cancelled", job_id=job_id)
        job = self.api.get(f"/jobs/{job_id}")
        self.assertEqual((job["status"], job["finish_reason"]), ("cancelled", "cancelled"))
        self.assertEqual(job["pages_crawled"], 1)

    def test_lines_whose_answer_was_lost_stand_in_the_log_once(self):
        job_id = self.start_job("/one", "/two")
        link = Link(self.server.url, lose=lambda path: path.endswith(("/logs", "/batch")))
        self.addCleanup(link.close)

        self.assertEqual(self.worker(link.url).wait(120), 0)

        self.follower.until(type="job_update", event="job_completed", job_id=job_id)
        lines = [line["message"] for line in self.api.get(f"/jobs/{job_id}/logs")["data"]]
        self.assertEqual(sorted(lines), [f"read {self.site.url}/one", f"read {self.site.url}/two"])
        self.assertGreaterEqual(len(link.lost), 2)

    def start_job(self, *paths):
        urls = [self.site.url + path for path in paths]
        return self.api.post("/jobs", {"spider_name": self.spider, "target_urls": urls})["job_id"]

    def worker(self, url=None):
        words = [sys.executable, str(WORKER), "--url", url or self.server.url, "--spider", self.spider, "--once"]
        process = subprocess.Popen(words, env=os.environ | {"LOTLINE_KEY": self.key})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class PatienceTest(unittest.TestCase):
    def test_a_worker_that_is_asked_for_patience_comes_again_when_it_was_told(self):
        answers, asked = [(503, "1"), (429, "1"), (204, None)], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                status, wait = answers[min(len(asked), 2)]
                asked.append(time.monotonic())
                self.send_response(status)
                if wait:
                    self.send_header("Retry-After", wait)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        words = [sys.executable, str(WORKER), "--url", f"http://127.0.0.1:{server.server_port}", "--spider", "any", "--once"]
        done = subprocess.run(words, env=os.environ | {"LOTLINE_KEY": "llk_any"}, timeout=60)

        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(asked), 3)
        self.assertTrue(all(later - before >= 1 for before, later in zip(asked, asked[1:])))


if __name__ == "__main__":
    unittest.main()
