# SPDX-License-Identifier: Apache-2.0
"""A server that turns sound into text the way OpenAI's does: it hears what the test says is in a recording."""
import urllib.parse

from botapi import form
from service import Handler, Service


class SpeechHandler(Handler):
    def do_POST(self):
        status, said = self.service.answer(urllib.parse.urlsplit(self.path).path, form(self.headers["Content-Type"], self.body()))
        self.say(status, said)


class Speech(Service):
    """`heard` is bytes -> text; `asked` holds the forms that came. `refuse` holds the next answers instead, (status, body)."""

    def __init__(self):
        self.heard, self.asked, self.refuse = {}, [], []
        self.usage = {"cost": 0.25, "input_tokens": 40, "output_tokens": 2}
        self.hold = False
        super().__init__(SpeechHandler)

    def answer(self, path, fields):
        assert path == "/v1/audio/transcriptions", path
        with self.lock:
            self.asked.append(fields)
            if self.refuse:
                return self.refuse.pop(0)
            self.lock.wait_for(lambda: not self.hold or self.closed)
            return 200, {"text": self.heard.get(fields["file"][1], ""), "usage": self.usage}

    def let_go(self):
        with self.lock:
            self.hold = False
            self.lock.notify_all()
