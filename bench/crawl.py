#!/usr/bin/env python3
"""The cost of parsing pages: CPU time of the server and of its readers per thousand pages of a local site, and the
memory of both. Standard library; not part of CI.

    LOTLINE_BIN=target/release/lotline python3 bench/crawl.py [--pages 5000] [--kib 30] [--rounds 3]

Compare two builds by running them in turns on an otherwise idle machine.
"""

import argparse
import http.server
import json
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "conformance"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from attack.stage import TICKS, Stage, children, cpu_seconds, rss_mib  # noqa: E402
from server import Server  # noqa: E402

PER_LIST = 100


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pages", type=int, default=5_000)
    options.add_argument("--kib", type=int, default=30, help="size of a home's page")
    options.add_argument("--rounds", type=int, default=3)
    options = options.parse_args()
    site = Site(options.pages, options.kib)
    costs = []
    for _ in range(options.rounds):
        cost, words = crawl(site, options.pages)
        costs.append(cost)
        print(words, flush=True)
    print(f"median {statistics.median(costs):.3f} CPU-s for 1,000 pages")
    return 0


def crawl(site, pages):
    settings = {
        "crawler__enabled": "true", "crawler__allowed_private_hosts": site.address, "crawler__crawl_delay_ms": 0,
        "crawler__max_pages": pages * 2,
    }
    with Server(**settings) as server:
        stage = Stage(server)
        over, peak = threading.Event(), [0, 0]

        def sample():
            while not over.wait(0.1):
                peak[0] = max(peak[0], rss_mib(server.process.pid))
                peak[1] = max(peak[1], sum(map(rss_mib, children(server.process.pid))))

        sampler = threading.Thread(target=sample, daemon=True)
        sampler.start()
        before, begun = family_seconds(server.process.pid), time.monotonic()
        job = stage.job(stage.bob, site.address, max_pages=pages * 2)
        found = stage.wait(stage.bob, job, 600)
        cpu, took = family_seconds(server.process.pid) - before, time.monotonic() - begun
        over.set()
        sampler.join()
        crawled = found["pages_crawled"]
        cost = cpu / crawled * 1000
        return cost, (
            f"{found['status']}: {crawled} pages, {found['items_scraped']} listings in {took:.1f} s; {cost:.3f} CPU-s for 1,000 pages; "
            f"server {peak[0]:.0f} MiB, readers {peak[1]:.0f} MiB together"
        )


def family_seconds(pid):
    """CPU time of the process, of the children that it has waited for, and of the running ones."""
    return cpu_seconds(pid) + sum(own_seconds(child) for child in children(pid))


def own_seconds(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except OSError:
        return 0


class Site:
    """Serves lists of a hundred homes, and a page for each home with JSON-LD and text around it."""

    def __init__(self, homes, kib):
        lists = (homes + PER_LIST - 1) // PER_LIST
        text = "".join(f"<div class=row><p>A room with a view number {number}</p><span>x</span></div>" for number in range(10_000))

        def page(path):
            if path == "/":
                return "".join(f'<a href="/list/{number}">{number}</a>' for number in range(lists))
            kind, _, number = path[1:].partition("/")
            number = int(number)
            if kind == "list":
                first = number * PER_LIST
                return "".join(f'<a href="/home/{home}">{home}</a>' for home in range(first, min(first + PER_LIST, homes)))
            home = {
                "@context": "https://schema.org", "@type": "SingleFamilyResidence", "@id": f"home-{number}", "url": f"/home/{number}",
                "numberOfBedrooms": number % 6 + 1, "floorSize": {"@type": "QuantitativeValue", "value": 900 + number, "unitCode": "FTK"},
                "address": {"@type": "PostalAddress", "streetAddress": f"{number} Main Street", "addressLocality": "Springfield", "postalCode": "62701"},
                "offers": {"@type": "Offer", "price": 100_000 + number, "priceCurrency": "USD"},
            }
            return f'<title>Home {number}</title><script type="application/ld+json">{json.dumps(home)}</script>{text[: kib * 1024]}'

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                known = self.path != "/robots.txt"
                body = page(self.path).encode() if known else b""
                head = (
                    f"HTTP/1.1 {200 if known else 404} X\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                self.wfile.write(head.encode() + body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.address = f"127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
