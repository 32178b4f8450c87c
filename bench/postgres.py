"""A new database on the PostgreSQL of scripts/with-postgres, with plain roles, as in a deployment."""

import os
import subprocess
import urllib.parse


def settings(name):
    """The configuration of a server on a new database of this name. Tenant and system share one connection pool."""
    superuser = os.environ["LOTLINE_TEST_POSTGRES"]

    def url(role):
        place = urllib.parse.urlsplit(superuser)
        return place._replace(netloc=f"{role}@{place.hostname}:{place.port}", path=f"/{name}").geturl()

    sql(superuser, f"CREATE ROLE {name}_owner LOGIN CREATEROLE; CREATE ROLE {name}_app LOGIN;")
    sql(superuser, f"CREATE DATABASE {name} OWNER {name}_owner")
    chosen = {"database__url": url(f"{name}_app"), "database__migrate_url": url(f"{name}_owner")}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOTLINE__")}
    environment |= {f"LOTLINE__{key.upper()}": value for key, value in chosen.items()}
    subprocess.run([os.environ["LOTLINE_BIN"], "migrate", "up"], env=environment, check=True, capture_output=True)
    sql(superuser, f"GRANT lotline_tenant, lotline_system TO {name}_app")
    return chosen


def sql(url, words):
    subprocess.run(["psql", "-q", url, "-c", words], check=True)
