"""Hooks of Schemathesis: an operation's caller and ids, and what a generated call must not do to the run itself.

rest.py passes the two tenants and their credentials in the environment, and reads the answers from LOTLINE_ANSWERS
afterwards. Calls alternate: the first tenant with its own ids, the first with generated ids, the other tenant with
its own ids, and the other tenant with the first one's, which must look as if they did not exist.
"""

import atexit
import collections
import itertools
import json
import os
import pathlib
import sys

import schemathesis

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from client import Api  # noqa: E402
from things import Party  # noqa: E402

URL = os.environ["LOTLINE_URL"]
OPERATOR = os.environ["LOTLINE_OPERATOR"]
ACME, OTHER = (Party(URL, given) for given in json.loads(os.environ["LOTLINE_PARTIES"]))
# A tenant that operators may change.
SPARE_TENANT = int(os.environ["LOTLINE_SPARE_TENANT"])
NOBODY = {"user_id": 2**52, "tenant_id": 2**52, "session_id": "00000000-0000-7000-8000-000000000000"}
NOBODY["key_id"] = NOBODY["session_id"]

# A worker's reports and writes need an API key.
KEY_OPERATIONS = {"upsert_properties", "put_property_by_key"}
KEY_TAG = "Workers"
OPERATOR_PATHS = ("/api/v1/tenants", "/metrics")

answers = collections.defaultdict(collections.Counter)
# Things of the first tenant that the other one got access to.
crossed = []
crossing = {}
calls = itertools.count()


@schemathesis.auth(cache_by_key=lambda case, _context: caller_of(case.operation))
class Credential:
    def get(self, case, _context):
        return credential(ACME, caller_of(case.operation))

    def set(self, case, credential, _context):
        case.headers["Authorization"] = f"Bearer {credential}"


def credential(party, caller):
    return OPERATOR if caller == "operator" else party.credentials[caller]


def caller_of(operation):
    definition = operation.definition.raw
    if operation.path.startswith(OPERATOR_PATHS):
        return "operator"
    if KEY_TAG in definition.get("tags", ()) or definition["operationId"] in KEY_OPERATIONS:
        return "key"
    return "admin"


@schemathesis.serializer("application/x-ndjson")
def lines(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(_context, case, _kwargs):
    name = case.operation.definition.raw["operationId"]
    number = next(calls)
    # Wrong passwords are counted per address; with a single address all further sign-ins would soon be refused.
    case.headers["X-Forwarded-For"] = f"198.18.{number // 250 % 250}.{number % 250 + 1}"
    caller, owner = [(ACME, ACME), (ACME, None), (OTHER, OTHER), (OTHER, ACME)][number % 4]
    # A call without a credential stays without one.
    if "Authorization" in case.headers:
        case.headers["Authorization"] = f"Bearer {credential(caller, caller_of(case.operation))}"
    if owner:
        stand_on(case, name, number, caller, owner)
    spare_the_run(case)
    # A claim with the longest wait would take half a minute, and shows no more than one of a second.
    if name == "claim_job" and isinstance(case.body, dict):
        wait = case.body.get("wait_seconds")
        if isinstance(wait, (int, float)) and 1 < wait <= 30:
            case.body["wait_seconds"] = 1


def stand_on(case, name, number, caller, owner):
    """Fills in existing ids: random ones would hardly ever exist."""
    if name == "delete_tenant":
        slug = f"gone-{number}"
        gone = Api(URL, OPERATOR).post("/tenants", {"slug": slug, "name": "Gone"})
        case.path_parameters["tenant_id"], case.query["confirm"] = gone["id"], slug
        return
    fresh = owner.fresh(name, number)
    known = owner.meaning | {"tenant_id": SPARE_TENANT} | new_names(number) | fresh
    case.path_parameters.update({key: known[key] for key in case.path_parameters if key in known})
    if name == "set_password":
        case.body = {key: known[key] for key in ("link_token", "new_password")}
    else:
        give_meaning(case.body, known)
    # Operators have no tenant, and these names may exist in every tenant.
    shared = ("name", "source", "listing_key", "room_id")
    named = {key for key in case.path_parameters if key in known and key not in shared}
    if caller is not owner and named and caller_of(case.operation) != "operator":
        crossing[case.id] = f"{name} on {sorted(named)}"


def new_names(number):
    """Names that are not in use yet."""
    return {"username": f"user-{number}", "email": f"user-{number}@homes.example", "slug": f"tenant-{number}"}


def give_meaning(body, known):
    """Replaces values of the right type; deliberately wrong ones stay."""
    if not isinstance(body, dict):
        return
    for key, value in body.items():
        if key in known and isinstance(value, type(known[key])):
            body[key] = known[key]
        else:
            give_meaning(value, known)


def spare_the_run(case):
    """Protects the run's own sign-ins and users: without them every later answer would be a 401 or 403."""
    if case.operation.method.upper() not in ("GET", "HEAD"):
        for party in (ACME, OTHER):
            for name, own in party.own.items():
                if str(case.path_parameters.get(name)) == str(own):
                    case.path_parameters[name] = NOBODY[name]


@schemathesis.hook
def filter_failure(_context, _failure, case, response):
    # No crawler runs here, so nothing can be previewed; the suite's other tests preview pages.
    if case.operation.definition.raw["operationId"] == "preview_page" and response.status_code == 503:
        return False
    # Generated addresses may exceed the limit of a request's head: they are refused before routing.
    return response.status_code != 431


@schemathesis.hook
def after_call(_context, case, response):
    answers[case.operation.definition.raw["operationId"]][response.status_code] += 1
    tried = crossing.pop(case.id, None)
    # The answer to OPTIONS depends on the address only, not on the caller or the id.
    if tried and response.status_code < 300 and response.request.method != "OPTIONS":
        crossed.append(tried)


@atexit.register
def write():
    with open(os.environ["LOTLINE_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump({"answers": answers, "crossed": crossed}, file)
