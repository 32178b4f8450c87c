"""The things of a tenant that generated calls need: one of each kind, and new ones for calls that use them up."""

import base64
import collections
import http.client
import json
import urllib.parse

from client import Api

SPIDER = "listings"
# Jobs that are claimed as soon as they are created, so that each report has its own lease.
LEASED = "leased"
# More would exceed the limit of streams per user.
MOST_STREAMS = 3


class Party:
    """A tenant's admin and key. `given` is the result of `describe`."""

    def __init__(self, url, given):
        self.url = url
        self.tenant = given["tenant"]
        self.credentials = given["credentials"]
        self.password = given["password"]
        # Ids that the run itself depends on.
        self.own = given["own"]
        # Existing ids and texts, by field name.
        self.meaning = given["meaning"]
        self.admin = Api(url, self.credentials["admin"])
        self.key = Api(url, self.credentials["key"])
        self.streams = collections.deque()

    def fresh(self, operation, number):
        """New things that the operation uses up, by field name."""
        make = getattr(self, f"_{operation}", None)
        return make(number) if make else {}

    def _user(self, number):
        username = f"fresh-{number}"
        wish = {"username": username, "email": f"{username}@homes.example", "role": "member", "password": self.password}
        return self.admin.post("/users", wish)

    def _create_token(self, number):
        return {"username": f"{self.tenant}/{self._user(number)['username']}", "password": self.password}

    def _delete_user(self, number):
        return {"user_id": self._user(number)["id"]}

    # A change may switch the user off.
    _update_user = _delete_user

    def _set_password(self, number):
        link = self.admin.post(f"/users/{self._user(number)['id']}/password-link")
        return {"link_token": link["url"].split("#token=", 1)[1], "new_password": f"a new word of {number}"}

    def _end_session(self, _number):
        form = {"username": f"{self.tenant}/ann", "password": self.password}
        token = Api(self.url).post("/auth/token", form=form)["access_token"]
        return {"session_id": claims(token)["sid"]}

    def _revoke_api_key(self, number):
        return {"key_id": self.admin.post("/api-keys", {"name": f"key {number}", "scopes": ["events:read"]})["id"]}

    _update_api_key = _revoke_api_key

    def _delete_spider(self, number):
        return {"name": self.admin.post("/spiders", {"name": f"spider-{number}", "runner": "external"})["name"]}

    def _job(self, spider=SPIDER):
        wish = {"spider_name": spider, "target_urls": ["https://homes.example/1"]}
        return self.admin.post("/jobs", wish)["job_id"]

    def _cancel_job(self, _number):
        return {"job_id": self._job()}

    def _retry_job(self, _number):
        job = self._job()
        self.admin.post(f"/jobs/{job}/cancel")
        return {"job_id": job}

    def _claim_job(self, _number):
        self._job()
        return {}

    def _lease(self, _number):
        self._job(LEASED)
        claim = self.key.post("/workers/claim", {"spiders": [LEASED]})
        return {"job_id": claim["job"]["job_id"], "lease_token": claim["lease_token"]}

    _start_job = _report_job_progress = _keep_job_lease = _complete_job = _fail_job = _lease

    def _room(self, number):
        bob = self.meaning["user_id"]
        wish = {"room_id": f"room-{number}", "name": "A room", "visibility": "public", "members": [bob]}
        return {"room_id": self.admin.post("/rooms", wish)["room_id"]}

    _archive_room = _put_room_member = _remove_room_member = _room

    def _mark_room_read(self, number):
        return {"room_id": "lobby", "message_id": self._said("/chat/send", number)}

    def _mark_conversation_read(self, number):
        return {"message_id": self._said(f"/direct-messages/{self.meaning['user_id']}", number)}

    def _said(self, path, number):
        return self.admin.post(path, {"text": f"number {number}"})["message_id"]

    def _delete_upload(self, number):
        return {"upload_id": self.admin.post("/uploads", file=(f"remarks-{number}.txt", "South."))["upload_id"]}

    def _stream(self, _number):
        """Opens a stream of the admin; closes the oldest ones to stay below the limit."""
        while len(self.streams) >= MOST_STREAMS:
            self.streams.popleft().close()
        address = urllib.parse.urlsplit(self.url)
        stream = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        stream.request("GET", "/sse/events", headers={"Authorization": f"Bearer {self.credentials['admin']}"})
        answer = stream.getresponse()
        if answer.status != 200:
            raise AssertionError(f"no stream: {answer.status} {answer.read()}")
        for line in answer:
            if line.startswith(b"data:"):
                self.streams.append(stream)
                return {"connection_id": json.loads(line[5:])["connection_id"]}
        raise AssertionError("the stream ended before its first event")

    _close_connection = _refresh_stream = _stream


def describe(server, tenant, credentials):
    """Creates something of each kind in a tenant of a running server; the input of `Party`."""
    admin, key = Api(server.url, credentials["admin"]), Api(server.url, credentials["key"])
    for spider in (SPIDER, LEASED):
        admin.post("/spiders", {"name": spider, "runner": "external"})
    wish = {"spider_name": SPIDER, "target_urls": ["https://homes.example/1"]}
    home = {"source": "homes.example", "source_url": "https://homes.example/1", "list_price": 303000}
    batch = key.post("/properties/batch", {"items": [home | {"listing_key": str(number)} for number in range(3)]})
    admin.post("/admin/broadcast", {"message": "Maintenance at noon"})
    bob = {"username": "bob", "email": "bob@homes.example", "role": "member", "password": server.password}
    meaning = wish | {
        "name": SPIDER,
        "user_id": admin.post("/users", bob)["id"],
        "job_id": admin.post("/jobs", wish)["job_id"],
        "property_id": batch["results"][0]["property_id"],
        "upload_id": admin.post("/uploads", file=("remarks.txt", "The kitchen looks south."))["upload_id"],
        "notification_id": admin.get("/notifications")["data"][0]["notification_id"],
    }
    own = own_ids(credentials["admin"], credentials["key"])
    given = {"tenant": tenant, "credentials": credentials, "password": server.password}
    return given | {"own": own, "meaning": meaning}


def own_ids(token, key):
    said = claims(token)
    digits = key.removeprefix("llk_").split("_")[0]
    key_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {"user_id": said["sub"], "tenant_id": said["tid"], "session_id": said["sid"], "key_id": key_id}


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
