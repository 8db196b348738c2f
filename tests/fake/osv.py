# SPDX-License-Identifier: Apache-2.0
"""A database of malware on this machine: knows what it is told, and answers as it is told."""
import http.server
import json
import threading


class Osv:
    """`bad` maps (ecosystem, name) to ids; `asked` holds the questions. `answer`: bytes instead of what is true; `hold`: set to let answers go."""

    def __init__(self, bad=None):
        self.bad, self.asked, self.answer, self.status = bad or {}, [], None, 200
        self.came, self.hold = threading.Event(), threading.Event()
        self.hold.set()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.hold.set()
        self.server.shutdown()
        self.server.server_close()

    def true(self, queries):
        rows = []
        for package in (q["package"] for q in queries):
            ids = self.bad.get((package["ecosystem"], package["name"]), [])
            rows.append({"vulns": [{"id": i, "modified": "2024-01-01T00:00:00Z"} for i in ids]} if ids else {})
        return json.dumps({"results": rows}).encode()

    def handler(self):
        keeper = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                queries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
                keeper.asked.append((self.path, [q["package"]["name"] for q in queries]))
                keeper.came.set()
                keeper.hold.wait()
                body = keeper.true(queries) if keeper.answer is None else keeper.answer
                try:
                    self.send_response(keeper.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:         # whoever asked did not wait
                    pass

            def log_message(self, *_):
                pass

        return Handler
