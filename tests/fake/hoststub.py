# SPDX-License-Identifier: Apache-2.0
"""A host.sock that follows a script: what the real hostd does only in rare moments.

    with HostStub(root) as stub:
        stub.on("host.chat.send", [{"event": "session_start", "session_id": "s1"}, ...])

A script is a list of frames for a stream, a dict for a result, or a function
(request, connection) that writes what it likes. Several scripts for one verb are used one
after the other, the last one for good. Every request is kept in stub.requests.
"""
import json
import os
import socket
import threading

CUT = object()      # in a list of frames: close the connection here, as a dying hostd would


class HostStub:
    def __init__(self, root):
        self.path = os.path.join(root, "host", "host.sock")
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        self.scripts = {}
        self.requests = []
        self.changed = threading.Condition()
        self.listener = None
        self.deaf = 0       # so many connections are closed before anything is read

    def on(self, method, *scripts):
        self.scripts[method] = list(scripts)

    def wait_for(self, method, count=1):
        """Block until a verb was asked so often; the params of that request."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.asked(method)) >= count)
        return self.asked(method)[count - 1]

    def asked(self, method):
        return [r.get("params", {}) for r in self.requests if r["method"] == method]

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.listener.close()
        os.unlink(self.path)

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if self.deaf > 0:
                self.deaf -= 1
                connection.close()
                continue
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rwb") as f:
            request = json.loads(f.readline())
            scripts = self.scripts.get(request["method"])
            script = None
            if scripts:
                script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
            with self.changed:
                self.requests.append(request)
                self.changed.notify_all()
            try:
                self.answer(request, script, f)
            except (BrokenPipeError, ConnectionResetError):
                pass

    def answer(self, request, script, f):
        def send(obj):
            f.write(json.dumps({"id": request["id"], **obj}, ensure_ascii=False).encode() + b"\n")
            f.flush()
        if script is None:
            send({"error": {"code": -32601, "message": "method-not-found"}})
        elif callable(script):
            script(request, send)
        elif isinstance(script, dict):
            send(script if "error" in script else {"result": script})
        else:
            for frame in script:
                if frame is CUT:
                    return
                send(frame)
