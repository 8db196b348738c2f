# SPDX-License-Identifier: Apache-2.0
"""A small Telegram: getUpdates with its offset, sendMessage and the rest of the Bot API that the gateway uses."""
import email.parser
import email.policy
import json
import threading
import time

from service import Handler, Service


def form(kind, data):
    """The fields of a form: text, or (name, bytes) of a file."""
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + data)
    fields = {}
    for part in message.iter_parts():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        fields[name] = (part.get_filename(), content) if part.get_filename() else content.decode()
    return fields


class BotHandler(Handler):
    def do_POST(self):
        data, kind = self.body(), self.headers.get("Content-Type", "")
        try:
            asked = form(kind, data) if kind.startswith("multipart/") else json.loads(data or b"{}")
        except ValueError:      # whoever asked was killed
            self.close_connection = True
            return
        self.say(*self.service.answer(self.path, asked, self.client_address[1]))

    def do_GET(self):
        head, _, name = self.path.rpartition("/")
        self.service.calls.append(("file", name))
        if head != f"/file/bot{self.service.token}/files" or name[:-4] not in self.service.files:
            self.say(404, {})
        else:
            self.say(200, self.service.files[name[:-4]], "application/octet-stream")


class BotAPI(Service):
    """`sent` holds what was taken, in order: {chat, text, mode, at, port}; of a file {chat, method, name, bytes, text, at, port}. The port is the sender's.

    `refuse` holds the next answers of a method instead. Unless `free` is set, who sends gets no answer.
    """

    def __init__(self, token="42:secret_token", port=0):
        self.token = token
        self.updates, self.all = [], []         # not confirmed; whatever there was
        self.next = 1000
        self.sent, self.typing, self.calls, self.edits = [], [], [], []
        self.files = {}                         # file_id -> bytes that can be had
        self.refuse = {}                        # method -> [(status, more)]
        self.chaos = None                       # a random.Random: duplicates, and not in order
        self.free = threading.Event()           # to answer those who send
        self.free.set()
        super().__init__(BotHandler, port)

    def post(self, chat, text, sender=7, **more):
        """Somebody writes; the update's number."""
        message = {"message_id": self.next, "chat": {"id": chat}, "from": {"id": sender}, "date": int(time.time())}
        return self.put({"message": {**message, **({} if text is None else {"text": text}), **more}})

    def put(self, body):
        with self.lock:
            number = self.next
            self.next += 1
            self.updates.append({"update_id": number, **body})
            self.all.append(self.updates[-1])
            self.lock.notify_all()
        return number

    def answers(self, chat=None):
        with self.lock:
            return [row["text"] for row in self.sent if chat in (None, row["chat"])]

    # ---- the methods ---------------------------------------------------------------------------

    def get_updates(self, body):
        offset = body.get("offset", 0)
        with self.lock:
            self.updates = [u for u in self.updates if u["update_id"] >= offset]
            self.lock.wait_for(lambda: self.updates or self.closed, min(body.get("timeout", 0), 20))
            rows = list(self.updates)
            if self.chaos and rows:
                old = self.all[:-len(rows)]
                rows += self.chaos.sample(old, min(2, len(old))) + self.chaos.sample(rows, 1)
                self.chaos.shuffle(rows)
            return rows

    def take(self, method, body, port):
        """A message, or a file with one."""
        row = {"chat": int(body["chat_id"]), "at": time.monotonic(), "port": port}
        if method in self.FILES:
            name, data = body[self.FILES[method]]
            row |= {"method": method, "name": name, "bytes": data, "text": body.get("caption", "")}
        else:
            row |= {"text": body["text"], "mode": body.get("parse_mode"), "markup": body.get("reply_markup")}
        with self.lock:
            self.sent.append(row)
            number = len(self.sent)
            self.lock.notify_all()
        self.free.wait()
        return {"message_id": number}

    def get_file(self, body):
        data = self.files[body["file_id"]]
        return {"file_id": body["file_id"], "file_size": len(data), "file_path": f"files/{body['file_id']}.bin"}

    def send_chat_action(self, body):
        with self.lock:
            self.typing.append(int(body["chat_id"]))
        return True

    def get_me(self, body):
        return {"id": 42, "is_bot": True, "username": "test_bot"}

    def set_my_commands(self, body):
        return True

    def edit_message_text(self, body):
        with self.lock:
            self.edits.append(body)
        return True

    def answer_callback_query(self, body):
        return True

    def press(self, chat, data, sender=7, message=1):
        """Somebody presses a button."""
        return self.put({"callback_query": {"id": f"q{self.next}", "from": {"id": sender}, "data": data,
                                            "message": {"message_id": message, "chat": {"id": chat}}}})

    FILES = {"sendVoice": "voice", "sendAudio": "audio", "sendPhoto": "photo", "sendVideo": "video", "sendDocument": "document"}
    METHODS = {"getFile": get_file, "getUpdates": get_updates, "sendChatAction": send_chat_action,
               "getMe": get_me, "editMessageText": edit_message_text, "answerCallbackQuery": answer_callback_query,
               "setMyCommands": set_my_commands}

    def answer(self, path, body, port):
        """Status and object."""
        head, _, method = path.rpartition("/")
        if head != f"/bot{self.token}":
            return 401, {"ok": False, "error_code": 401, "description": "Unauthorized"}
        with self.lock:
            self.calls.append((method, body))
            refused = self.refuse.get(method)
            if refused:
                status, more = refused.pop(0)
                return status, {"ok": False, "error_code": status, "description": "refused", **more}
        if method == "sendMessage" or method in self.FILES:
            return 200, {"ok": True, "result": self.take(method, body, port)}
        if method == "getFile" and body.get("file_id") not in self.files:
            return 400, {"ok": False, "error_code": 400, "description": "Bad Request: file is too big"}
        if method not in self.METHODS:
            return 404, {"ok": False, "error_code": 404, "description": "Not Found"}
        return 200, {"ok": True, "result": self.METHODS[method](self, body)}
