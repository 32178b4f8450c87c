"""Sockets and streams for these measurements, without a library: its own work would be measured too."""

import base64
import http.client
import json
import os
import socket
import urllib.parse


def connect(url):
    return http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)


def call(connection, method, path, token, body=None):
    """Status and body of the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


class Socket:
    """A WebSocket that only reads, and answers pings."""

    def __init__(self, url, token, receive_bytes=None):
        place = urllib.parse.urlsplit(url)
        self.stream = socket.socket()
        if receive_bytes:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.stream.settimeout(30)
        self.stream.connect((place.hostname, place.port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        self.bytes = b""
        while b"\r\n\r\n" not in self.bytes:
            self.receive()
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"no socket: {head.decode()}")

    def receive(self):
        more = self.stream.recv(65536)
        if not more:
            raise EOFError
        self.bytes += more

    def frames(self):
        """The complete frames received: opcodes and payloads."""
        while len(self.bytes) >= 2:
            size, start = self.bytes[1] & 127, 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(self.bytes[2:start])
            if len(self.bytes) < start + size or len(self.bytes) < start:
                return
            opcode, payload = self.bytes[0] & 15, self.bytes[start : start + size]
            self.bytes = self.bytes[start + size :]
            if opcode == 9:
                # A peer that does not answer two pings is disconnected. The mask is zero.
                self.stream.sendall(bytes([0x8A, 0x80 | len(payload), 0, 0, 0, 0]) + payload)
            yield opcode, payload

    def close_code(self):
        """Reads to the close frame."""
        while True:
            for opcode, payload in self.frames():
                if opcode == 8:
                    return int.from_bytes(payload[:2])
            self.receive()

    def close(self):
        self.stream.close()


class Stream:
    """Server-sent events."""

    def __init__(self, url, token):
        self.connection = connect(url)
        self.connection.request("GET", "/sse/events?subscriptions=property_updates", headers={"Authorization": f"Bearer {token}"})
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise RuntimeError(f"no stream: {self.answer.status}")

    def close_code(self):
        """Reads to the problem that ends it."""
        kind = None
        for line in self.answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            if name == "data" and kind == "problem":
                return json.loads(value)["close_code"]
        raise EOFError

    def close(self):
        self.connection.close()


def percentile(values, rank):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * rank // 100)]
