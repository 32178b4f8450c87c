#!/usr/bin/env python3
"""Removes one tenant guard at a time and reports which tests fail.

Works on a copy of the tree, which is removed afterwards. Not part of the usual checks: every mutant is a build and a
run of the isolation walk, on SQLite and PostgreSQL. Run it after changing a guard or the walk:

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
    file: str
    """Exact texts and their replacements; each text must occur."""
    changes: list
    """Why it may survive, where another guard is sufficient."""
    may_live: str = ""


SCOPE = "src/storage/tx.rs"
STAMP = "row.set(A::Entity::tenant_column(), self.tenant_id.0.into());"

MUTANTS = [
    Mutant("select", "reads find rows of every tenant", SCOPE,
           [("E::find().filter(E::tenant_is(self.tenant_id.0))", "E::find()")]),
    Mutant("update", "changes reach rows of every tenant", SCOPE,
           [("E::update_many().filter(E::tenant_is(self.tenant_id.0))", "E::update_many()")]),
    Mutant("delete", "removals reach rows of every tenant", SCOPE,
           [("E::delete_many().filter(E::tenant_is(self.tenant_id.0)).filter(", "E::delete_many().filter(")]),
    Mutant("select-update-delete", "no statement of SQLite is bound to a tenant", SCOPE,
           [("E::find().filter(E::tenant_is(self.tenant_id.0))", "E::find()"),
            ("E::update_many().filter(E::tenant_is(self.tenant_id.0))", "E::update_many()"),
            ("E::delete_many().filter(E::tenant_is(self.tenant_id.0)).filter(", "E::delete_many().filter(")]),
    Mutant("stamp", "new rows are the first tenant's", SCOPE, [(STAMP, STAMP.replace("self.tenant_id.0", "1_i64"))]),
    Mutant("enter", "PostgreSQL is told the first tenant in every transaction", "src/storage/postgres.rs",
           [("set_config('lotline.tenant', '{tenant_id}', true)", "set_config('lotline.tenant', '1', true)"),
            ("    tenant_id: TenantId,", "    _tenant_id: TenantId,")]),
    Mutant("policy", "the tenant door's policy lets every row through", "migrations/src/dialect.rs",
           [("TO lotline_tenant USING ({own}) WITH CHECK ({own})",
             "TO lotline_tenant USING (({own}) OR true) WITH CHECK (({own}) OR true)")]),
    Mutant("force", "row-level security is not forced on the owner of the tables", "migrations/src/dialect.rs",
           [("FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY")],
           "no door is the owner's; it is the guard of a deployment that gets that wrong"),
    Mutant("hub", "all tenants share one hub", "src/hub/mod.rs",
           [("tenants.entry(scope.tenant_id())", "tenants.entry(TenantId(scope.tenant_id().0.min(0)))"),
            ("self.tenants.lock().get(&tenant_id)", "self.tenants.lock().get(&TenantId(tenant_id.0.min(0)))")]),
    Mutant("connections", "an admin lists the connections of every tenant", "src/session/supervisor.rs",
           [("self.index.by_subject(RevocationSubject::Tenant(tenant_id))", "self.connections(|_| tenant_id.0 != 0)")]),
    Mutant("close", "an admin closes any tenant's connection", "src/http/admin/connections.rs",
           [("found.filter(|one| one.scope == op.scope)", "found.filter(|one| one.scope == op.scope || true)")]),
    Mutant("epoch", "a position of another tenant's log is taken for one's own", "src/eventlog/replay.rs",
           [("if position.epoch != head.epoch {", "if position.epoch != head.epoch && false {")]),
    Mutant("path", "the user in a socket's path is not compared with the token's", "src/http/live/admission.rs",
           [("let Some(wanted) = request.raw_path_param(\"user_id\") else { return Ok(()) };",
             "let Some(wanted) = request.raw_path_param(\"nobody\") else { return Ok(()) };")]),
]


def copy_tree(to):
    """The files that git tracks or would add, as they are in the tree."""
    files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                           capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def mutated(text, mutant):
    for old, new in mutant.changes:
        if old not in text:
            raise SystemExit(f"{mutant.name}: {mutant.file} has no more `{old}`")
        text = text.replace(old, new)
    return text


def run_tests(tree, environment):
    """The names of failed tests, or `None` when the build failed."""
    build = subprocess.run(["cargo", "test", "--locked", "--test", "it", "--no-run"], cwd=tree, env=environment,
                           capture_output=True, text=True)
    if build.returncode != 0:
        print(build.stderr[-4000:], file=sys.stderr)
        return None
    command = ["scripts/with-postgres", "cargo", "test", "--locked", "--test", "it", "--", *TESTS]
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=600)
    failed = re.findall(r"^test (\S+) \.\.\. FAILED", run.stdout, re.MULTILINE)
    if run.returncode != 0 and not failed:
        print(run.stdout[-2000:], run.stderr[-4000:], file=sys.stderr)
        return None
    return failed


def row(mutant, failed):
    if failed:
        return ", ".join(f"`{name}`" for name in sorted(failed))
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
        target = arguments.target or str(pathlib.Path(folder) / "target")
        environment = {**os.environ, "CARGO_TARGET_DIR": target, "RUST_BACKTRACE": "0"}
        if failed := run_tests(tree, environment):
            raise SystemExit(f"without a mutant these fail: {failed}")
        print("| mutant | what it does | tests that notice |\n|---|---|---|", flush=True)
        for mutant in chosen:
            path = tree / mutant.file
            before = path.read_text()
            path.write_text(mutated(before, mutant))
            failed = run_tests(tree, environment)
            path.write_text(before)
            if failed is None or (not failed and not mutant.may_live):
                wrong.append(mutant.name)
            told = "**does not build**" if failed is None else row(mutant, failed)
            print(f"| {mutant.name} | {mutant.words} | {told} |", flush=True)
    if wrong:
        raise SystemExit(f"these live: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
