# SPDX-License-Identifier: Apache-2.0
"""Whoever is posted to: keeps what came, in order, and answers as it is told."""
import http.server
import json
import threading


class Receiver:
    """`got` holds what was taken: {path, auth, body}. `refuse` holds the statuses of the next answers instead."""

    def __init__(self):
        self.lock = threading.Lock()
        self.got, self.refuse = [], []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handler(self):
        keeper = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with keeper.lock:
                    status = keeper.refuse.pop(0) if keeper.refuse else 200
                    if status == 200:
                        keeper.got.append({"path": self.path, "auth": self.headers.get("Authorization"), "body": json.loads(data)})
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler
