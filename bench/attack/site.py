"""Hosts that are hostile to a crawler: each answers every path with the same page, and has a robots.txt."""

import gzip
import http.server
import threading

LARGEST = 8_380_000


def nested_items():
    """870 bytes: sixteen nested items under eight names each."""
    html = b"<div itemscope itemtype=https://schema.org/House>"
    html += b'<div itemscope itemprop="a b c d e f g h">' * 16
    return html + b"<i itemprop=x>y</i>"


def angle_brackets():
    return b"<" * LARGEST


def attributes():
    """One tag of about 1.2 million attributes."""
    html, number = bytearray(b"<div"), 0
    while len(html) < LARGEST:
        html += b" a%x" % number
        number += 1
    return bytes(html + b">")


def wildcard_rules():
    rules = b"User-agent: *\n"
    return rules + b"".join(b"Disallow: /*b%d*c*d*e*f*g*h$\n" % number for number in range(10_000))


def small_home():
    return b'<title>A home</title><script type="application/ld+json">{"@type": "House", "@id": "h-1"}</script>'


class Host:
    """Serves until it is closed. `pages` are different addresses of the same page."""

    def __init__(self, page=small_home(), robots=b"", pages=1):
        start = b"".join(b'<a href="/p/%d">x</a>' % number for number in range(pages)) if pages > 1 else page

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                is_robots = self.path == "/robots.txt"
                body = robots if is_robots else start if self.path == "/" else page
                packed = gzip.compress(body, 6)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain" if is_robots else "text/html; charset=utf-8")
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(packed)))
                self.end_headers()
                self.wfile.write(packed)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
