"""For Schemathesis: with which credential an operation is called, and what a generated call may not do to the run itself.

rest.py gives the credentials in the environment, and reads from LOTLINE_ANSWERS afterwards what was answered.
"""

import atexit
import collections
import itertools
import json
import os

import schemathesis

CREDENTIALS = {name: os.environ[f"LOTLINE_CREDENTIAL_{name.upper()}"] for name in ("admin", "operator", "key")}
# Ids of what the run stands on: {"user_id": …}.
OWN = json.loads(os.environ["LOTLINE_OWN"])
# Ids and texts that mean something to the server, some of them for one operation only.
MEANING = json.loads(os.environ["LOTLINE_MEANING"])
NOBODY = {"user_id": 2**52, "tenant_id": 2**52, "session_id": "00000000-0000-7000-8000-000000000000"}
NOBODY["key_id"] = NOBODY["session_id"]

# A worker's reports, and what it writes, need an API key.
KEY_OPERATIONS = {"upsert_properties", "put_property_by_key"}
KEY_TAG = "Workers"
OPERATOR_PATH = "/api/v1/tenants"

answers = collections.defaultdict(collections.Counter)
calls = itertools.count()


@schemathesis.auth(cache_by_key=lambda case, _context: caller_of(case.operation))
class Credential:
    def get(self, case, _context):
        return CREDENTIALS[caller_of(case.operation)]

    def set(self, case, credential, _context):
        case.headers["Authorization"] = f"Bearer {credential}"


def caller_of(operation):
    definition = operation.definition.raw
    if operation.path.startswith(OPERATOR_PATH):
        return "operator"
    if KEY_TAG in definition.get("tags", ()) or definition["operationId"] in KEY_OPERATIONS:
        return "key"
    return "admin"


@schemathesis.hook
def before_call(_context, case, _kwargs):
    name = case.operation.definition.raw["operationId"]
    number = next(calls)
    # Wrong passwords are counted for the address, and one address of so many would soon be refused everything.
    case.headers["X-Forwarded-For"] = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
    # Every second call: random names and numbers alone would hardly ever find anything.
    if number % 2 == 0:
        known = MEANING["everywhere"] | MEANING.get(name, {}) | new_names(number)
        case.path_parameters.update({key: known[key] for key in case.path_parameters if key in known})
        give_meaning(case.body, known)
    spare_the_run(case)
    # Each claim with the longest wait would stand for half a minute, and says no more than one of a second.
    if name == "claim_job" and isinstance(case.body, dict):
        wait = case.body.get("wait_seconds")
        if isinstance(wait, (int, float)) and 1 < wait <= 30:
            case.body["wait_seconds"] = 1


def new_names(number):
    """Names that nothing has yet."""
    return {"username": f"user-{number}", "email": f"user-{number}@homes.example", "slug": f"tenant-{number}"}


def give_meaning(body, known):
    """Where a value is of the kind that belongs there; what was made wrong on purpose stays wrong."""
    if not isinstance(body, dict):
        return
    for key, value in body.items():
        if key in known and isinstance(value, type(known[key])):
            body[key] = known[key]
        else:
            give_meaning(value, known)


def spare_the_run(case):
    """Ending the run's own sign-in, or taking its user's role, would turn every later answer into a 401 or 403."""
    if case.operation.method.upper() not in ("GET", "HEAD"):
        for name, own in OWN.items():
            if str(case.path_parameters.get(name)) == str(own):
                case.path_parameters[name] = NOBODY[name]


@schemathesis.hook
def filter_failure(_context, _failure, _case, response):
    # Generated addresses may be longer than a request's head: HTTP refuses them before there is an operation.
    return response.status_code != 431


@schemathesis.hook
def after_call(_context, case, response):
    answers[case.operation.definition.raw["operationId"]][response.status_code] += 1


@atexit.register
def write():
    with open(os.environ["LOTLINE_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(answers, file)
