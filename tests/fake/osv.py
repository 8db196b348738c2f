# SPDX-License-Identifier: Apache-2.0
"""A database of malware on this machine: knows what it is told, and answers as it is told."""
import json
import threading

from service import Handler, Service


class OsvHandler(Handler):
    def do_POST(self):
        queries, service = json.loads(self.body())["queries"], self.service
        service.asked.append((self.path, [q["package"]["name"] for q in queries]))
        service.came.set()
        service.hold.wait()
        self.say(service.status, service.true(queries) if service.answer is None else service.answer)


class Osv(Service):
    """`bad` maps (ecosystem, name) to ids; `asked` holds the questions. `answer`: bytes instead of what is true; `hold`: set to let answers go."""

    def __init__(self, bad=None):
        self.bad, self.asked, self.answer, self.status = bad or {}, [], None, 200
        self.came, self.hold = threading.Event(), threading.Event()
        self.hold.set()
        super().__init__(OsvHandler)

    def close(self):
        self.hold.set()
        super().close()

    def true(self, queries):
        rows = []
        for package in (q["package"] for q in queries):
            ids = self.bad.get((package["ecosystem"], package["name"]), [])
            rows.append({"vulns": [{"id": i, "modified": "2024-01-01T00:00:00Z"} for i in ids]} if ids else {})
        return json.dumps({"results": rows}).encode()
