"""A Python client as `openapi-python-client` makes it from the document: it signs in, works, and reads its refusals."""

import importlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from server import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATOR = pathlib.Path(sys.executable).with_name("openapi-python-client")


class GeneratedClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        place = pathlib.Path(cls.folder.name, "lotline_client")
        words = [GENERATOR, "generate", "--path", ROOT / "clients/openapi.json", "--output-path", place, "--meta", "none"]
        words += ["--config", ROOT / "tests/documents/python-client.yaml", "--fail-on-warning"]
        # It formats the generated code with ruff, which is in the same folder.
        path = os.pathsep.join([str(GENERATOR.parent), os.environ["PATH"]])
        subprocess.run(words, check=True, cwd=cls.folder.name, env=os.environ | {"PATH": path})
        sys.path.insert(0, cls.folder.name)
        cls.addClassCleanup(sys.path.remove, cls.folder.name)
        cls.server = cls.enterClassContext(Server())
        cls.server.tenant("acme")
        cls.server.user("acme", "ann", "admin")
        cls.server.start()

    def test_signs_in_and_works(self):
        client = module("client").Client(base_url=self.server.url)
        form = module("models").TokenRequest(username="acme/ann", password=self.server.password)
        pair = module("api.auth.create_token").sync(client=client, body=form)
        self.assertEqual((pair.token_type, pair.role), ("bearer", "admin"))

        signed_in = module("client").AuthenticatedClient(base_url=self.server.url, token=pair.access_token)
        self.assertEqual(module("api.people.get_me").sync(client=signed_in).username, "ann")
        new = module("models").NewJob(spider_name="auto", target_urls=["https://homes.example/"], tags=["generated"])
        job = module("api.jobs.create_job").sync(client=signed_in, body=new)
        page = module("api.jobs.list_jobs").sync(client=signed_in, tag="generated", limit=10)
        self.assertEqual([one.job_id for one in page.data], [job.job_id])
        self.assertFalse(page.has_more)

    def test_reads_a_refusal_and_what_needs_no_credential(self):
        client = module("client").Client(base_url=self.server.url)
        form = module("models").TokenRequest(username="acme/ann", password="not this one")
        refused = module("api.auth.create_token").sync(client=client, body=form)
        self.assertEqual((refused.status, refused.code), (401, "unauthenticated"))
        self.assertEqual(module("api.operations.version").sync(client=client).name, "lotline")


def module(name):
    return importlib.import_module(f"lotline_client.{name}")


if __name__ == "__main__":
    unittest.main()
