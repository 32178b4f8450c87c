"""Schemathesis over every operation of /openapi.json, against a fresh server: what it answers is what the document says.

Sockets and endless streams are not in the document; they are tested elsewhere.
"""

import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from client import Api
from server import Server

SCHEMATHESIS = pathlib.Path(sys.executable).parent / "schemathesis"
HOOKS = pathlib.Path(__file__).with_name("hooks.py")
SEED = 20261122

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

# Each with its reason. hooks.py keeps the others from ending what the run itself stands on.
LEFT_OUT = {
    "log_out": "ends the sign-in that every other operation is called with",
}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--max-examples", type=int, default=20)
    options.add_argument("--operation", action="append", default=[], help="only this operationId; may be repeated")
    options = options.parse_args()
    settings = {
        "auth__registration": "true",
        "limits__lease_seconds": 3600,
        # hooks.py calls from many addresses.
        "server__trusted_proxies": "127.0.0.1",
    }
    with Server(**settings) as server, tempfile.TemporaryDirectory() as folder:
        server.tenant("acme")
        server.tenant("other")
        server.user("acme", "ann", "admin")
        bob = server.user("acme", "bob", "member")
        # Whoever is deleted is nobody to the other operations.
        leaver = server.user("acme", "cleo", "member")
        server.operator("root")
        admin, key = server.token("acme", "ann"), server.key("acme", "ann")
        server.start()
        meaning = furnish(Api(server.url, admin), Api(server.url, key))
        meaning["everywhere"] |= {"user_id": bob, "tenant_id": 2, "password": server.password}
        meaning["delete_user"] = {"user_id": leaver}
        meaning["create_token"] = {"username": "acme/bob"}
        answers = pathlib.Path(folder, "answers.json")
        operator = Api(server.url).post("/auth/token", form={"username": "root", "password": server.password})
        credentials = {"admin": admin, "operator": operator["access_token"], "key": key}
        status = run(server, options, folder, environment(answers, credentials, own_ids(admin, key), meaning))
        answered = json.loads(answers.read_text(encoding="utf-8"))
        faults = credential_faults(answered)
        errors = [line for line in server.lines if " ERROR " in line]
    print("never answered 2xx, so known by their refusals alone:", ", ".join(only_refused(answered)) or "none")
    for fault in faults + errors:
        print(fault.rstrip())
    return 1 if status or faults or errors else 0


def furnish(admin, key):
    """Something of each kind, and what leads to it: ids and texts by field name, for all operations or for one."""
    admin.post("/spiders", {"name": "listings", "runner": "external"})
    wish = {"spider_name": "listings", "target_urls": ["https://homes.example/1"]}
    meaning = {"everywhere": dict(wish)}
    # A lease for each report: one that ends the job would leave nothing to the others.
    for report in ("start_job", "report_job_progress", "keep_job_lease", "complete_job", "fail_job"):
        admin.post("/jobs", wish)
        claim = key.post("/workers/claim", {"spiders": ["listings"]})
        meaning[report] = {"job_id": claim["job"]["job_id"], "lease_token": claim["lease_token"]}
    meaning["everywhere"]["job_id"] = admin.post("/jobs", wish)["job_id"]
    home = {"source": "homes.example", "source_url": "https://homes.example/1", "list_price": 303000}
    batch = key.post("/properties/batch", {"items": [home | {"listing_key": str(number)} for number in range(3)]})
    meaning["everywhere"]["property_id"] = batch["results"][0]["property_id"]
    admin.post("/admin/broadcast", {"message": "Maintenance at noon"})
    meaning["everywhere"]["notification_id"] = admin.get("/notifications")["data"][0]["notification_id"]
    return meaning


def own_ids(token, key):
    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    digits = key.removeprefix("llk_").split("_")[0]
    key_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {"user_id": claims["sub"], "tenant_id": claims["tid"], "session_id": claims["sid"], "key_id": key_id}


def environment(answers, credentials, own, meaning):
    given = {f"LOTLINE_CREDENTIAL_{name.upper()}": text for name, text in credentials.items()}
    names = {"SCHEMATHESIS_HOOKS": str(HOOKS), "LOTLINE_ANSWERS": str(answers)}
    names |= {"LOTLINE_OWN": json.dumps(own), "LOTLINE_MEANING": json.dumps(meaning)}
    return os.environ | given | names


def run(server, options, folder, environment):
    words = [SCHEMATHESIS, "run", f"{server.url}/openapi.json", "--url", server.url, "--no-color"]
    words += ["--seed", str(SEED), "--max-examples", str(options.max_examples), "--checks", ",".join(CHECKS)]
    # One failure an operation is not the end: all of them are wanted at once.
    words += ["--continue-on-failure", "--request-timeout", "30", "--generation-database", "none", "--warnings", "off"]
    for operation in LEFT_OUT:
        words += ["--exclude-operation-id", operation]
    for operation in options.operation:
        words += ["--include-operation-id", operation]
    return subprocess.run(words, env=environment, cwd=folder).returncode


def credential_faults(answers):
    """An operation that was only ever refused was called with the wrong credential, and nothing of it was tested."""
    return [f"{name} was only refused: {counts}" for name, counts in answers.items() if set(counts) <= {"401", "403"}]


def only_refused(answers):
    return sorted(name for name, counts in answers.items() if not any(status.startswith("2") for status in counts))


if __name__ == "__main__":
    sys.exit(main())
