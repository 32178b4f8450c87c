"""An existing front end: connects with its user id in the path, pings as JSON, dispatches messages by `type`, and
sends its `subscribe` before the socket is open, when a browser's socket drops it. It must work unchanged."""

import queue
import threading
import unittest

from client import Api, Closed, Socket
from server import Server

PING_SECONDS = 0.2


class WebSocketManager:
    """The front end's class, translated as literally as Python allows."""

    def __init__(self, base, user_id, token):
        self.url = f"{base}/ws/{user_id}?token={token}"
        self.socket = None
        self.handlers = {}
        self.dropped = []
        self.closed = threading.Event()
        self.lock = threading.Lock()

    def connect(self):
        threading.Thread(target=self._run, daemon=True).start()

    def disconnect(self):
        self.closed.set()
        if self.socket:
            self.socket.stream.close()

    def send(self, message):
        if self.socket is None:
            self.dropped.append(message)
            return
        with self.lock:
            self.socket.send(message)

    def on_message(self, kind):
        """The messages of this type, in order."""
        return self.handlers.setdefault(kind, queue.Queue())

    def _run(self):
        opened = Socket(self.url)
        self.socket = opened
        threading.Thread(target=self._ping, daemon=True).start()
        while not self.closed.is_set():
            try:
                message = opened.receive(60)
            except (Closed, OSError):
                return
            self.on_message(message["type"]).put(message)

    def _ping(self):
        while not self.closed.wait(PING_SECONDS):
            try:
                self.send({"type": "ping"})
            except OSError:
                return


class SeedClientTest(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.server.tenant("acme")
        self.server.user("acme", "ann", "admin")
        self.user_id = self.server.user("acme", "bob", "member")
        self.token = self.server.token("acme", "bob")
        self.admin = self.server.token("acme", "ann")
        self.server.start()

    def test_it_gets_its_own_jobs_broadcasts_and_pongs(self):
        admin, member = Api(self.server.url, self.admin), Api(self.server.url, self.token)
        admin.post("/spiders", {"name": "listings", "runner": "external"})
        manager = WebSocketManager(self.server.socket_url, self.user_id, self.token)
        self.addCleanup(manager.disconnect)
        jobs, notices = manager.on_message("job_update"), manager.on_message("system_notification")

        subscribe = {"type": "subscribe", "subscription": "job_updates"}
        manager.send(subscribe)
        manager.connect()
        hello = manager.on_message("connection_established").get(timeout=30)
        own = {"spider_name": "listings", "target_urls": ["https://homes.example/one"]}
        job_id = member.post("/jobs", own)["job_id"]
        of_ann = admin.post("/jobs", own)["job_id"]
        member.post(f"/jobs/{job_id}/cancel")
        broadcast = admin.post("/admin/broadcast", {"message": "Maintenance at noon", "category": "maintenance"})

        self.assertEqual(manager.dropped, [subscribe])
        self.assertEqual((hello["user_id"], hello["message"]), (self.user_id, "Connected to real-time updates"))
        queued, cancelled = jobs.get(timeout=30), jobs.get(timeout=30)
        self.assertEqual((queued["job_id"], queued["event"]), (job_id, "job_queued"))
        self.assertEqual((cancelled["job_id"], cancelled["event"]), (job_id, "job_cancelled"))
        self.assertIsInstance(queued["timestamp"], float)
        notice = notices.get(timeout=30)
        self.assertEqual((notice["message"], notice["category"]), ("Maintenance at noon", "maintenance"))
        self.assertEqual(broadcast["message"], "Broadcast sent successfully")
        pong = manager.on_message("pong").get(timeout=30)
        self.assertIsInstance(pong["timestamp"], float)
        self.assertTrue(jobs.empty(), f"a member without a feed saw the job {of_ann} of another user")
        self.assertTrue(manager.on_message("error").empty())

    def test_once_it_is_open_its_subscribe_works(self):
        admin = Api(self.server.url, self.admin)
        admin.post("/spiders", {"name": "listings", "runner": "external"})
        manager = WebSocketManager(self.server.socket_url, self.user_id, self.token)
        self.addCleanup(manager.disconnect)
        manager.connect()
        manager.on_message("connection_established").get(timeout=30)

        manager.send({"type": "subscribe", "subscription": "job_updates"})
        confirmed = manager.on_message("subscription_confirmed").get(timeout=30)
        job = {"spider_name": "listings", "target_urls": ["https://homes.example/one"]}
        of_ann = admin.post("/jobs", job)["job_id"]

        self.assertEqual(confirmed["subscription"], "job_updates")
        self.assertEqual(manager.on_message("job_update").get(timeout=30)["job_id"], of_ann)


if __name__ == "__main__":
    unittest.main()
