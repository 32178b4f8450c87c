"""A client in the standard library: REST calls, and a simple WebSocket (RFC 6455, text only)."""

import base64
import hashlib
import json
import os
import socket
import struct
import time
import urllib.error
import urllib.parse
import urllib.request

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Api:
    """REST with one credential."""

    def __init__(self, base, credential=None):
        self.base = base
        self.credential = credential

    def call(self, method, path, body=None, form=None, file=None):
        """Status and body of the answer; refusals too. `file`: a file's name and text."""
        headers = {"Accept": "application/json"}
        data = None
        if self.credential:
            headers["Authorization"] = f"Bearer {self.credential}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urllib.parse.urlencode(form).encode()
        if file is not None:
            headers["Content-Type"] = "multipart/form-data; boundary=edge"
            data = (
                f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{file[0]}"\r\n\r\n{file[1]}\r\n--edge--\r\n'
            ).encode()
        request = urllib.request.Request(f"{self.base}/api/v1{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                status, text = refusal.code, refusal.read()
        return status, json.loads(text) if text else None

    def get(self, path):
        return self._expect("GET", path)

    def post(self, path, body=None, form=None, file=None):
        return self._expect("POST", path, body, form, file)

    def _expect(self, method, path, body=None, form=None, file=None):
        status, answer = self.call(method, path, body, form, file)
        if status >= 300:
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer


class Closed(Exception):
    """The server ended the connection."""

    def __init__(self, code, reason):
        super().__init__(f"closed with {code} {reason}")
        self.code = code
        self.reason = reason


class Socket:
    """A socket that keeps all received messages in `seen`."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.seen = []
        self.buffer = b""
        self.stream = socket.create_connection((parts.hostname, parts.port), timeout=30)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            (
                f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ).encode()
        )
        head = self._read_until(b"\r\n\r\n").decode("latin-1")
        proof = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if not head.startswith("HTTP/1.1 101 ") or f": {proof}\r\n".lower() not in head.lower():
            raise AssertionError(f"the upgrade was refused:\n{head}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self, message):
        self._send(TEXT, json.dumps(message).encode())

    def receive(self, seconds=30):
        """The next message. Pings of the server are answered on the way."""
        deadline = time.monotonic() + seconds
        while True:
            opcode, payload = self._frame(deadline)
            if opcode == TEXT:
                message = json.loads(payload)
                self.seen.append(message)
                return message
            if opcode == PING:
                self._send(PONG, payload)
            if opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
                raise Closed(code, payload[2:].decode())

    def until(self, seconds=30, **fields):
        """The next message with these fields."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                message = self.receive(deadline - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"no message with {fields} among {self.seen}") from None
            if all(message.get(name) == value for name, value in fields.items()):
                return message

    def _send(self, opcode, payload):
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        else:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self.stream.sendall(head + mask + masked)

    def _frame(self, deadline):
        first, second = self._read(2, deadline)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._read(2, deadline))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._read(8, deadline))[0]
        if not first & 0x80 or second & 0x80:
            raise AssertionError("the server fragmented or masked a frame")
        return first & 0x0F, self._read(length, deadline)

    def _read(self, count, deadline):
        while len(self.buffer) < count:
            self._fill(deadline)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _read_until(self, mark):
        deadline = time.monotonic() + 30
        while mark not in self.buffer:
            self._fill(deadline)
        taken, self.buffer = self.buffer.split(mark, 1)
        return taken + mark

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.stream.settimeout(left)
        chunk = self.stream.recv(65536)
        if not chunk:
            raise Closed(1006, "")
        self.buffer += chunk
