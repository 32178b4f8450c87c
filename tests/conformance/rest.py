"""Schemathesis over every operation of /openapi.json, against a new server: its answers must match the document.

Sockets and endless streams are not in the document; they are tested elsewhere.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from client import Api
from server import Server
from things import describe

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

# Each with its reason. hooks.py keeps the others from ending the run's own credentials.
LEFT_OUT = {
    "log_out": "ends the sign-in that every other operation is called with",
}

# Operations that cannot get a 2xx in this run, each with its reason. All others must get one.
REFUSED_ALONE = {}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--max-examples", type=int, default=20)
    options.add_argument("--operation", action="append", default=[], help="only this operationId; may be repeated")
    options = options.parse_args()
    settings = {
        "auth__registration": "true",
        "limits__lease_seconds": 3600,
        "telemetry__tenant_metrics": 10,
        # hooks.py calls from many addresses.
        "server__trusted_proxies": "127.0.0.1",
    }
    with Server(**settings) as server, tempfile.TemporaryDirectory() as folder:
        credentials = {}
        for tenant in ("acme", "other"):
            server.tenant(tenant)
            server.user(tenant, "ann", "admin")
            credentials[tenant] = {"admin": server.token(tenant, "ann"), "key": server.key(tenant, "ann")}
        server.operator("root")
        server.start()
        parties = [describe(server, tenant, shown) for tenant, shown in credentials.items()]
        root = Api(server.url).post("/auth/token", form={"username": "root", "password": server.password})
        operator = root["access_token"]
        spare = Api(server.url, operator).post("/tenants", {"slug": "spare", "name": "Spare"})["id"]
        answers = pathlib.Path(folder, "answers.json")
        status = run(server, options, folder, environment(server, answers, operator, parties, spare))
        told = json.loads(answers.read_text(encoding="utf-8"))
        errors = [line for line in server.lines if " ERROR " in line]
    faults = credential_faults(told["answers"]) + success_faults(told["answers"])
    faults += [f"the other tenant was let at a thing of the first: {words}" for words in told["crossed"]]
    for fault in faults + errors:
        print(fault.rstrip())
    return 1 if status or faults or errors else 0


def environment(server, answers, operator, parties, spare):
    names = {"SCHEMATHESIS_HOOKS": str(HOOKS), "LOTLINE_ANSWERS": str(answers), "LOTLINE_URL": server.url}
    names |= {"LOTLINE_OPERATOR": operator, "LOTLINE_PARTIES": json.dumps(parties), "LOTLINE_SPARE_TENANT": str(spare)}
    return os.environ | names


def run(server, options, folder, environment):
    words = [SCHEMATHESIS, "run", f"{server.url}/openapi.json", "--url", server.url, "--no-color"]
    words += ["--seed", str(SEED), "--max-examples", str(options.max_examples), "--checks", ",".join(CHECKS)]
    # Report all failures of an operation, not only the first one.
    words += ["--continue-on-failure", "--request-timeout", "30", "--generation-database", "none", "--warnings", "off"]
    words += ["--phases", "examples,coverage,fuzzing,stateful"]
    for operation in LEFT_OUT:
        words += ["--exclude-operation-id", operation]
    for operation in options.operation:
        words += ["--include-operation-id", operation]
    return subprocess.run(words, env=environment, cwd=folder).returncode


def credential_faults(answers):
    """An operation with only 401 and 403 was called with the wrong credential, and was not tested."""
    return [f"{name} was only refused: {counts}" for name, counts in answers.items() if set(counts) <= {"401", "403"}]


def success_faults(answers):
    """Of an operation that never succeeded, only the refusals were tested."""
    done = {name for name, counts in answers.items() if any(status.startswith("2") for status in counts)}
    print(f"answered 2xx: {len(done)} of {len(answers)} operations: {', '.join(sorted(done))}")
    for name, reason in REFUSED_ALONE.items():
        print(f"known by its refusals alone: {name}: {reason}")
    missing = sorted(set(answers) - done - set(REFUSED_ALONE))
    return [f"{name} was never answered 2xx: {answers[name]}" for name in missing]


if __name__ == "__main__":
    sys.exit(main())
