# SPDX-License-Identifier: Apache-2.0
"""Whoever is posted to: keeps what came, in order, and answers as it is told."""
import json

from service import Handler, Service


class ReceiverHandler(Handler):
    def do_POST(self):
        data, service = self.body(), self.service
        with service.lock:
            status = service.refuse.pop(0) if service.refuse else 200
            if status == 200:
                service.got.append({"path": self.path, "auth": self.headers.get("Authorization"), "body": json.loads(data)})
        self.say(status, b"", **({"Retry_After": "1"} if status == 429 else {}))


class Receiver(Service):
    """`got` holds what was taken: {path, auth, body}. `refuse` holds the statuses of the next answers instead."""

    def __init__(self):
        self.got, self.refuse = [], []
        super().__init__(ReceiverHandler)

    def answers(self):
        with self.lock:
            return [row["body"] for row in self.got]
