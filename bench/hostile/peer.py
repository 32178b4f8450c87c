"""A WebSocket client that can violate the protocol. Every read has a timeout."""

import base64
import json
import os
import select
import socket
import struct
import time
import urllib.parse

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0
PATIENCE_SECONDS = 20


def frame(opcode, payload=b"", fin=True, reserved=0, masked=True):
    """A client's frame, masked with zeros."""
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask | len(payload)])
    else:
        head += bytes([mask | 126]) + struct.pack(">H", len(payload)) if len(payload) < 65536 else bytes(
            [mask | 127]
        ) + struct.pack(">Q", len(payload))
    return head + (b"\0\0\0\0" if masked else b"") + payload


class Peer:
    """Open after the handshake, which must succeed, and after the first message."""

    def __init__(self, url, token, path="/ws"):
        self.bytes = b""
        place = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=PATIENCE_SECONDS)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self.bytes:
            self.read()
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(head.decode())
        if path == "/ws":
            self.hears("connection_established")

    def read(self):
        piece = self.socket.recv(256 * 1024)
        if not piece:
            raise ConnectionError("the server has closed")
        self.bytes += piece

    def take(self):
        """The next complete frame, as opcode and payload."""
        if len(self.bytes) < 2:
            return None
        length, start = self.bytes[1] & 0x7F, 2
        if length == 126:
            length, start = int.from_bytes(self.bytes[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(self.bytes[2:10], "big"), 10
        if len(self.bytes) < start + length:
            return None
        taken = self.bytes[0] & 0x0F, self.bytes[start : start + length]
        self.bytes = self.bytes[start + length :]
        return taken

    def hears(self, kind):
        """The next message of this type; pings are answered on the way."""
        while True:
            while (taken := self.take()) is None:
                self.read()
            opcode, payload = taken
            if opcode == CLOSE:
                raise ConnectionError(f"closed with {int.from_bytes(payload[:2], 'big')}")
            if opcode == PING:
                self.socket.sendall(frame(PONG, payload))
            elif opcode == TEXT and json.loads(payload)["type"] == kind:
                return json.loads(payload)

    def ask(self, message, kind):
        self.socket.sendall(frame(TEXT, json.dumps(message).encode()))
        return self.hears(kind)

    def close(self):
        self.socket.close()

    def flood(self, chunk, seconds):
        """Sends `chunk` repeatedly as fast as possible, and reads. Returns the close code, None when it was not
        closed in that time, the seconds until then, and the number of bytes sent."""
        self.socket.setblocking(False)
        began, sent, at = time.monotonic(), 0, 0
        while (now := time.monotonic() - began) < seconds:
            readable, writable, _ = select.select([self.socket], [self.socket], [], 0.5)
            try:
                if readable:
                    self.read()
                    while taken := self.take():
                        if taken[0] == CLOSE:
                            return int.from_bytes(taken[1][:2], "big"), now, sent
                if writable:
                    count = self.socket.send(chunk[at:])
                    sent, at = sent + count, (at + count) % len(chunk)
            except ConnectionError:
                return 0, now, sent
        return None, seconds, sent
