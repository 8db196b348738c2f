# SPDX-License-Identifier: Apache-2.0
"""What the fakes of services have in common: a server on a port of this machine, whose clients may be killed at any moment."""
import http.server
import json
import random
import socket
import sys
import threading


def free_port():
    """For a server that cannot be asked which one it took: below those that the kernel hands out, so nobody gets it in between."""
    while True:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", random.randrange(16384, 32768)))
                return s.getsockname()[1]
            except OSError:
                pass            # somebody has it, or had it a moment ago


class Handler(http.server.BaseHTTPRequestHandler):
    """Of a subclass made for one service, which has do_GET and the like."""
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True      # head and body are two writes: the second would wait for the client's delayed ACK

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def say(self, status, data=b"", kind="application/json", **headers):
        """Bytes as they are; all else as JSON."""
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):      # whoever asked was killed: nothing to tell
            super().handle_error(request, client_address)


class Service:
    """`lock` is held while what it knows changes, and told of it. `closed`: whoever waits is to go."""

    def __init__(self, handler, port=0):
        self.lock = threading.Condition()
        self.closed = False
        self.server = Server(("127.0.0.1", port), type("ServiceHandler", (handler,), {"service": self}))
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        with self.lock:
            self.closed = True
            self.lock.notify_all()
        self.server.shutdown()
        self.server.server_close()
