#!/usr/bin/env python3
"""Removes one tenant guard at a time and reports which tests fail.

Works on a copy of the tree, which is removed afterwards. All mutants are built at once, each behind a condition that
reads the environment variable LOTLINE_MUTANT; then every mutant is one run of the isolation walk, on SQLite and
PostgreSQL. Not part of the usual checks. Run it after changing a guard or the walk:

    tests/mutants/tenant_filters.py [NAME…] [--target DIR]

The printed table is in docs/promises.md. Exit status 1 when a mutant survives that should not, or when a guard is no
longer where the mutant expects it.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ["isolation::", "store::row_level_security::the_tenant_role", "store::row_level_security::each_role"]


@dataclass
class Mutant:
    name: str
    """What the mutant does."""
    words: str
    guards: list
    """Why it may survive, where another guard is sufficient."""
    may_live: str = ""


@dataclass(frozen=True)
class Guard:
    file: str
    """Exact text, which must occur in the file."""
    text: str
    """What replaces it, with ON for the condition that the mutant is switched on."""
    switched: str


TX = "src/storage/tx.rs"
SELECT = Guard(TX, "E::find().filter(E::tenant_is(self.tenant_id.0))",
               "if ON { E::find() } else { E::find().filter(E::tenant_is(self.tenant_id.0)) }")
UPDATE = Guard(TX, "E::update_many().filter(E::tenant_is(self.tenant_id.0))",
               "if ON { E::update_many() } else { E::update_many().filter(E::tenant_is(self.tenant_id.0)) }")
DELETE = Guard(TX, "E::delete_many().filter(E::tenant_is(self.tenant_id.0)).filter(",
               "(if ON { E::delete_many() } else { E::delete_many().filter(E::tenant_is(self.tenant_id.0)) }).filter(")
STAMP = Guard(TX, "row.set(A::Entity::tenant_column(), self.tenant_id.0.into());",
              "row.set(A::Entity::tenant_column(), (if ON { 1_i64 } else { self.tenant_id.0 }).into());")
DIALECT = "migrations/src/dialect.rs"

MUTANTS = [
    Mutant("select", "reads find rows of every tenant", [SELECT]),
    Mutant("update", "changes reach rows of every tenant", [UPDATE]),
    Mutant("delete", "removals reach rows of every tenant", [DELETE]),
    Mutant("select-update-delete", "no statement of SQLite is bound to a tenant", [SELECT, UPDATE, DELETE]),
    Mutant("stamp", "new rows are the first tenant's", [STAMP]),
    Mutant("enter", "PostgreSQL gets the first tenant in every transaction",
           [Guard("src/storage/postgres.rs", "    let sql = format!(\"SELECT set_config('lotline.tenant'",
                  "    let tenant_id = if ON { TenantId(1) } else { tenant_id };\n"
                  "    let sql = format!(\"SELECT set_config('lotline.tenant'")]),
    Mutant("policy", "the tenant pool's policy lets every row through",
           [Guard(DIALECT, "        statements.push(format!(\n            \"CREATE POLICY tenant_door",
                  "        let own = if ON { format!(\"({own}) OR true\") } else { own };\n"
                  "        statements.push(format!(\n            \"CREATE POLICY tenant_door")]),
    Mutant("force", "row-level security is not forced on the owner of the tables",
           [Guard(DIALECT, 'format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY")',
                  'format!("ALTER TABLE {name} {} FORCE ROW LEVEL SECURITY", if ON { "NO" } else { "" })')],
           "no pool uses the owner; it guards a deployment that is configured wrongly"),
    Mutant("hub", "all tenants share one hub",
           [Guard("src/hub/mod.rs", "tenants.entry(scope.tenant_id())",
                  "tenants.entry(TenantId(scope.tenant_id().0.min(if ON { 0 } else { i64::MAX })))"),
            Guard("src/hub/mod.rs", "self.tenants.lock().get(&tenant_id)",
                  "self.tenants.lock().get(&TenantId(tenant_id.0.min(if ON { 0 } else { i64::MAX })))")]),
    Mutant("connections", "an admin lists the connections of every tenant",
           [Guard("src/session/registry.rs", "self.index.by_subject(RevocationSubject::Tenant(tenant_id))",
                  "if ON { self.all() } else { self.index.by_subject(RevocationSubject::Tenant(tenant_id)) }")]),
    Mutant("close", "an admin closes any tenant's connection",
           [Guard("src/http/admin.rs", "found.filter(|one| one.scope == op.scope)",
                  "found.filter(|one| one.scope == op.scope || ON)")]),
    Mutant("epoch", "a position of another tenant's log is taken for one's own",
           [Guard("src/eventlog/replay.rs", "if position.epoch != head.epoch {",
                  "if position.epoch != head.epoch && !ON {")]),
    Mutant("path", "the user in a socket's path is not compared with the token's",
           [Guard("src/http/live/admission.rs", 'request.raw_path_param("user_id")',
                  'request.raw_path_param(if ON { "none" } else { "user_id" })')]),
]


def copy_tree(to):
    """The files that git tracks or would add, as they are in the tree."""
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def switch_guards(tree):
    """Puts every guard behind the condition that none of its mutants is switched on."""
    mutants_of = {}
    for mutant in MUTANTS:
        for guard in mutant.guards:
            mutants_of.setdefault(guard, []).append(mutant.name)
    for guard, names in mutants_of.items():
        path = tree / guard.file
        text = path.read_text()
        if guard.text not in text:
            raise SystemExit(f"{', '.join(names)}: {guard.file} has no more `{guard.text}`")
        listed = ", ".join(f'"{name}"' for name in names)
        condition = f'std::env::var("LOTLINE_MUTANT").is_ok_and(|on| [{listed}].contains(&on.as_str()))'
        path.write_text(text.replace(guard.text, re.sub(r"\bON\b", lambda _: condition, guard.switched)))


def build(tree, environment):
    command = ["cargo", "test", "--locked", "--test", "it", "--no-run"]
    result = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(result.stderr[-4000:])


def run_tests(tree, environment, name):
    """The names of failed tests, or `None` when the run broke off."""
    command = ["scripts/with-postgres", "cargo", "test", "--locked", "--test", "it", "--", *TESTS]
    environment = {**environment, "LOTLINE_MUTANT": name}
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=600)
    failed = re.findall(r"^test (\S+) \.\.\. FAILED", run.stdout, re.MULTILINE)
    if run.returncode != 0 and not failed:
        print(run.stdout[-2000:], run.stderr[-4000:], file=sys.stderr)
        return None
    return failed


def names(failed):
    """Names without modules, with the back ends on which the test failed."""
    backends = {}
    for name in failed:
        parts = name.split("::")
        backend = next((part for part in parts if part in ("postgres", "sqlite")), "")
        backends.setdefault(next(part for part in reversed(parts) if part != backend), set()).add(backend)
    shown = ((name, ", ".join(sorted(filter(None, on)))) for name, on in sorted(backends.items()))
    return ", ".join(f"`{name}` ({on})" if on else f"`{name}`" for name, on in shown)


def row(mutant, failed):
    if failed:
        return names(failed)
    return f"none: {mutant.may_live}" if mutant.may_live else "**none**"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("names", nargs="*", help="mutants to try; all when absent")
    arguments.add_argument("--target", help="folder for what is built, used by nobody else meanwhile; one of its own "
                                            "when absent")
    arguments = arguments.parse_args()
    chosen = [mutant for mutant in MUTANTS if not arguments.names or mutant.name in arguments.names]
    wrong = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = pathlib.Path(folder) / "tree"
        copy_tree(tree)
        switch_guards(tree)
        target = arguments.target or str(pathlib.Path(folder) / "target")
        environment = {**os.environ, "CARGO_TARGET_DIR": target, "RUST_BACKTRACE": "0"}
        build(tree, environment)
        if failed := run_tests(tree, environment, ""):
            raise SystemExit(f"without a mutant these fail: {failed}")
        print("| mutant | what it does | tests that fail |\n|---|---|---|", flush=True)
        for mutant in chosen:
            failed = run_tests(tree, environment, mutant.name)
            if failed is None or (not failed and not mutant.may_live):
                wrong.append(mutant.name)
            found = "**the run broke off**" if failed is None else row(mutant, failed)
            print(f"| {mutant.name} | {mutant.words} | {found} |", flush=True)
    if wrong:
        raise SystemExit(f"these live: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
