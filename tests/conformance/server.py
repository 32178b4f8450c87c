"""A real Lotline process on a free port, with a new data folder and accounts made through the command line.

LOTLINE_BIN names the binary; scripts/conformance sets it.
"""

import os
import pathlib
import queue
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading

# Debug builds start slowly on a busy machine; a server that is not ready by then will not become ready.
START_SECONDS = 60
STOP_SECONDS = 30


class Server:
    """Runs until it is stopped; use it in a `with`."""

    def __init__(self, **settings):
        """`settings` are configuration keys, such as `limits__lease_seconds=2`."""
        # It runs in its own folder, where a relative path would be wrong.
        self.binary = os.path.abspath(os.environ["LOTLINE_BIN"])
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lotline-"))
        self.password = secrets.token_urlsafe(24)
        self.lines = []
        self.process = None
        self.url = None
        usual = {
            "server__bind": "127.0.0.1:0",
            "server__data_dir": str(self.folder / "data"),
            # Tokens outlive the run; passwords are hashed as cheaply as the configuration allows.
            "auth__access_ttl_seconds": 3600,
            "auth__password_memory_kib": 64,
            "auth__password_iterations": 1,
            "crawler__enabled": "false",
            "telemetry__log_filter": "warn",
        }
        known = {name: value for name, value in os.environ.items() if not name.startswith("LOTLINE__")}
        for alias in ("PORT", "DATABASE_URL", "REDIS_URL"):
            known.pop(alias, None)
        chosen = {f"LOTLINE__{name.upper()}": str(value) for name, value in (usual | settings).items()}
        self.environment = known | chosen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Returns when the server accepts connections."""
        self.process = subprocess.Popen(
            [self.binary, "serve"], env=self.environment, stderr=subprocess.PIPE, text=True, cwd=self.folder
        )
        ready = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stderr, ready), daemon=True).start()
        try:
            self.url = ready.get(timeout=START_SECONDS)
        except queue.Empty:
            self.url = None
        if not self.url:
            raise RuntimeError("the server did not start:\n" + self.log())
        return self

    def stop(self):
        """Stops the server as an operator would, and removes its folder. A server that does not stop is a failure."""
        try:
            if self.process and self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError("the server did not stop:\n" + self.log()) from None
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return "".join(self.lines[-200:])

    @property
    def socket_url(self):
        return self.url.replace("http://", "ws://", 1)

    def verb(self, *words, given=None):
        """Runs another subcommand on the same store; its output."""
        done = subprocess.run(
            [self.binary, *words], env=self.environment, input=given, text=True, capture_output=True, timeout=START_SECONDS
        )
        if done.returncode != 0:
            raise RuntimeError(f"lotline {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def tenant(self, slug):
        self.verb("tenant", "create", "--slug", slug, "--name", slug.title())

    def user(self, tenant, username, role):
        made = self.verb(
            "user", "create", "--tenant", tenant, "--username", username, "--role", role, "--password-stdin",
            given=self.password + "\n",
        )
        # "user NAME (ID) of TENANT made, ROLE"
        return int(made.split("(", 1)[1].split(")", 1)[0])

    def operator(self, username):
        self.verb("user", "create", "--operator", "--username", username, "--password-stdin", given=self.password + "\n")

    def token(self, tenant, username):
        return self.verb("token", "mint", "--tenant", tenant, "--username", username)

    def key(self, tenant, username, scopes="jobs:run,properties:write,logs:write,events:read"):
        words = ["--tenant", tenant, "--username", username, "--name", "conformance", "--scopes", scopes]
        return self.verb("key", "create", *words)

    def _read(self, stream, ready):
        with stream:
            for line in stream:
                self.lines.append(line)
                if line.startswith("listening on "):
                    ready.put(line.removeprefix("listening on ").strip())
        # The end of the output counts too, so that a failed start is not waited for.
        ready.put(None)
