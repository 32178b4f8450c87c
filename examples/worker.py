#!/usr/bin/env python3
"""An external worker for Lotline in the standard library: copy it, put your crawl into `crawl`, keep the rest.

    LOTLINE_KEY=llk_… python3 worker.py --url http://127.0.0.1:8001 --spider my_site [--once] [--quiet]

The key needs the scopes jobs:run, properties:write and logs:write (`lotline key create`). An admin creates the spider
with `POST /api/v1/spiders {"name": "my_site", "runner": "external"}`; users start jobs with `POST /api/v1/jobs`. Without
such a spider no job comes, and the worker waits.

From Scrapy: call `run.add(item)` in a pipeline's `process_item`, give `run.progress(pages, stats)` what
`crawler.stats.get_stats()` says (it may hold dates: `json.dumps(…, default=str)`), send `logging` records to
`run.log`, raise `CloseSpider` where `run` raises `Stop`, and return `stats["finish_reason"]` from `crawl`. Lotline
reads Scrapy's own names: `item_scraped_count`, `response_received_count`, `finish_reason`.

When a worker dies, its lease ends and the job is given out again, three times in all. So a crawl may be repeated;
properties are upserts by (source, listing_key), and sending one again changes nothing.

Properties and log lines are packed into requests, each with its own Idempotency-Key from then on. A request stays in
the outbox, unchanged, until the server has accepted it: however often it is sent, and however many answers get lost,
its lines are in the log once and in order. Lines are lost only with the process, or when the server refuses them for
good; a repeated crawl writes its own lines, under its own execution.
"""

import argparse
import collections
import http.client
import json
import os
import random
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

BATCH = 200  # the server takes 500 properties at once
TRIES = 8


class Stop(Exception):
    """The crawl has to end: the job was cancelled, or the lease was lost to another worker."""


class Refused(Exception):
    """The server refuses the request: for good, or `for_now`, after all tries."""

    def __init__(self, status, problem, for_now=False):
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')} {problem.get('errors', '')}")
        self.code, self.for_now = problem.get("code"), for_now


class Server:
    def __init__(self, url, key):
        self.base, self.key = url.rstrip("/") + "/api/v1", key

    def post(self, path, body, once=None):
        """Retries while the server asks to, or cannot be reached. `once` is an Idempotency-Key: with it a request is
        not processed twice when its answer was lost."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        if once:
            headers["Idempotency-Key"] = once
        data = json.dumps(body, default=str).encode()
        for attempt in range(1, TRIES + 1):
            wait = min(2**attempt, 60) * random.uniform(0.5, 1)
            try:
                request = urllib.request.Request(self.base + path, data, headers, method="POST")
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as refusal:
                status, told, text = refusal.code, refusal.headers.get("Retry-After"), refusal.read()
                try:
                    problem = json.loads(text)
                except ValueError:  # a proxy's page
                    problem = {"detail": refusal.reason}
                # 409 with Retry-After: the same request is still in progress.
                may_try = status in (429, 502, 503, 504) or status == 409 and told
                if not may_try or attempt == TRIES:
                    raise Refused(status, problem, for_now=bool(may_try)) from None
                wait = int(told) if told and told.isdigit() else wait
            except (OSError, http.client.HTTPException) as error:
                why = getattr(error, "reason", None) or error
                if attempt == TRIES:
                    raise ConnectionError(f"cannot reach {self.base}: {why}") from None
                print(f"cannot reach {self.base} ({why}); trying again", file=sys.stderr)
            time.sleep(wait)


class Run:
    """A claimed job. Its methods raise `Stop` when the crawl has to end."""

    def __init__(self, server, claim):
        self.server, self.job, self.lease = server, claim["job"], claim["lease_token"]
        self.path = f"/jobs/{self.job['job_id']}"
        self.items, self.lines, self.sent, self.sequence = [], [], 0, 0
        self.outbox = collections.deque()
        self.cancelled = self.lost = False
        self.over = threading.Event()
        # Renews the lease while a page is slow: a third of its length leaves time for a retry.
        self.heart = threading.Thread(target=self._beat, args=(claim["lease_seconds"] / 3,), daemon=True)

    def start(self):
        self.report("start")
        self.heart.start()

    def report(self, what, once=None, **fields):
        try:
            answer = self.server.post(f"{self.path}/{what}", {"lease_token": self.lease, **fields}, once)
        except Refused as refused:
            if refused.code == "lease_lost":
                self.lost = True
                raise Stop from None
            raise
        self.cancelled = self.cancelled or answer["cancel_requested"]
        return answer

    def check(self):
        if self.cancelled or self.lost:
            raise Stop

    def add(self, listing):
        """Adds a property: at least `source`, `listing_key`, `source_url`."""
        self.items.append(listing)
        if len(self.items) >= BATCH:
            self.flush()

    def log(self, level, message):
        """`level` is one of debug, info, warning, error, critical."""
        self.lines.append({"level": level, "message": message[:8000]})

    def progress(self, pages, stats=None):
        """May be called often: the server merges progress reports."""
        self.flush()
        self.sequence += 1
        self.report("progress", items_scraped=self.sent, pages_crawled=pages, stats=stats or {}, sequence=self.sequence)
        self.check()

    def flush(self):
        self._pack()
        while self.outbox:
            path, body, once = self.outbox[0]
            try:
                answer = self.server.post(path, body, once)
            except Refused as refused:
                if not refused.for_now:
                    self.outbox.popleft()
                raise
            self.outbox.popleft()
            self._note(answer)
            self._pack()

    def _pack(self):
        """Packs requests, which must not change afterwards: a key is valid for one body only."""
        items, self.items = self.items, []
        lines, self.lines = self.lines, []
        if items:
            batch = {"job_id": self.job["job_id"], "items": items}
            self.outbox.append(("/properties/batch", batch, str(uuid.uuid4())))
        for start in range(0, len(lines), 1000):
            self.outbox.append((f"{self.path}/logs", {"lines": lines[start : start + 1000]}, str(uuid.uuid4())))

    def _note(self, answer):
        self.sent += answer.get("accepted", 0)
        for row in answer.get("results", ()):
            if row["status"] == "error":
                self.log("warning", f"listing {row['index']}: {row['error']}")

    def end(self, what, **fields):
        self.flush()
        self.over.set()
        self.report(what, once=str(uuid.uuid4()), **fields)

    def _beat(self, seconds):
        while not self.over.wait(seconds):
            try:
                self.report("heartbeat")
            except Stop:
                return
            except (Refused, OSError) as error:
                print(f"heartbeat: {error}", file=sys.stderr)


def work(server, claim, tell):
    run = Run(server, claim)
    try:
        try:
            run.start()
            run.end("complete", stats=crawl(run))
            ended = "completed"
        except Stop:
            ended = "dropped: its lease was lost" if run.lost else "cancelled"
            if not run.lost:
                run.end("complete", finish_reason="cancelled")
        except Exception as error:  # every failure is reported to the job's users
            run.log("error", repr(error))
            run.end("fail", error=repr(error)[:1000])
            ended = f"failed: {error!r}"
        tell(f"job {run.job['job_id']} {ended}")
    except (Stop, Refused, OSError) as error:
        print(f"job {run.job['job_id']} could not be ended: {error!r}; its lease ends by itself", file=sys.stderr)
    finally:
        run.over.set()


def crawl(run):
    """Your crawl; this one fetches the target urls and treats each page as a listing. Returns the stats."""
    stats = {"response_received_count": 0, "item_scraped_count": 0, "finish_reason": "finished"}
    for url in run.job["target_urls"]:
        run.check()
        try:
            with urllib.request.urlopen(url, timeout=30) as page:
                text = page.read(4_000_000).decode("utf-8", "replace")
        except urllib.error.HTTPError as gone:
            run.log("warning", f"{url} answers {gone.code}")
            if gone.code in (404, 410):  # reports the listing as removed
                run.add({**key_of(url), "removed": True})
            continue
        stats["response_received_count"] += 1
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.S | re.I)
        price = re.search(r"\$\s?([\d,]{4,})", text)
        # What the page does not say is left out, such as the currency: a dollar sign does not tell which dollars.
        listing = {**key_of(url), "standard_status": "active"}
        if title:
            listing["address"] = {"unparsed": " ".join(title[1].split())[:300]}
        if price:
            listing["list_price"] = int(price[1].replace(",", ""))
        run.add(listing)
        stats["item_scraped_count"] += 1
        run.log("info", f"read {url}")
        run.progress(stats["response_received_count"], stats)
    return stats


def key_of(url):
    parts = urllib.parse.urlsplit(url)
    return {"source": parts.netloc[:100], "listing_key": (parts.path or "/")[-200:], "source_url": url}


def options():
    parser = argparse.ArgumentParser(description="A worker for Lotline. LOTLINE_KEY in the environment is its API key.")
    parser.add_argument("--url", default="http://127.0.0.1:8001")
    parser.add_argument("--spider", action="append", required=True, help="spider to claim jobs of; may be repeated")
    parser.add_argument("--once", action="store_true", help="end after one job, or when there is none")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    chosen = parser.parse_args()
    chosen.key = os.environ.get("LOTLINE_KEY", "").strip()
    if not re.fullmatch("[!-~]+", chosen.key):
        parser.exit(2, "worker: set LOTLINE_KEY to the API key that `lotline key create` prints\n")
    if not re.match("https?://.", chosen.url):
        parser.exit(2, f"worker: --url {chosen.url}: the address of a server begins with http:// or https://\n")
    return chosen


def serve(chosen, tell):
    server, reached = Server(chosen.url, chosen.key), False
    tell(f"waiting at {chosen.url} for jobs of {', '.join(chosen.spider)}")
    while True:
        claim = None
        try:
            claim = server.post("/workers/claim", {"spiders": chosen.spider, "wait_seconds": 5 if chosen.once else 30})
            reached = True
        except Refused as refused:  # a busy server is asked again
            if chosen.once or not refused.for_now:
                raise
            reached = True
        except OSError:  # a server that answered before may be down for long; keep trying
            if chosen.once or not reached:
                raise
        if claim:
            job = claim["job"]
            tell(f"job {job['job_id']} of {job['spider_name']} taken")
            work(server, claim, tell)
        if chosen.once:
            return


def main():
    chosen = options()
    tell = (lambda line: None) if chosen.quiet else (lambda line: print(line, file=sys.stderr, flush=True))
    try:
        serve(chosen, tell)
    except Refused as refused:
        sys.exit(f"worker: the server refuses to give out jobs: {str(refused).strip()}")
    except OSError as error:
        sys.exit(f"worker: {error}")
    except KeyboardInterrupt:
        print("worker: stopped; a job that was taken is given out again when its lease ends", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
