# SPDX-License-Identifier: Apache-2.0
"""A small Matrix homeserver: sync with its long poll, sends that are known by their transaction, typing, pages, media."""
import json
import re
import time
import urllib.parse

from service import Handler, Service

SELF = "@alpi:fake.test"


class MatrixHandler(Handler):
    def serve(self):
        data, kind = self.body(), self.headers.get("Content-Type", "")
        body = json.loads(data or b"{}") if kind == "application/json" else (kind, data)
        status, said = self.service.answer(self.command, self.path, self.headers.get("Authorization"), body)
        kind, data = said if isinstance(said, tuple) else ("application/json", said)
        self.say(status, data, kind)

    do_GET = do_PUT = do_POST = serve


class Homeserver(Service):
    """`sent` holds what was taken, in order: {room, body, html, txn, at}. `refuse` holds the next answers of a call instead."""

    def __init__(self, token="matrix_secret_token"):
        self.token = token
        self.stream = []                        # (room, event) in the order of arrival
        self.state = {}                         # room -> state events
        self.sent, self.typing, self.calls, self.invites = [], [], [], {}
        self.transactions = {}                  # (room, txn) -> event id
        self.again = 0                          # sends that were known already
        self.media = {}                         # id -> (type, bytes)
        self.refuse = {}                        # call -> [(status, body)]
        self.hold, self.held = None, False      # of files: a call that is done and not answered; it is at that
        self.old = False                        # before version 1.11: media are where nobody logs in
        self.logged_out = False
        super().__init__(MatrixHandler)

    # ---- what people do ------------------------------------------------------------------------

    def post(self, room, text, sender="@ann:fake.test", **more):
        """Somebody writes; the event's id."""
        return self.put(room, {"content": {"msgtype": "m.text", "body": text, **more}}, sender)

    def put(self, room, event, sender="@ann:fake.test"):
        with self.lock:
            name = f"${len(self.stream)}:fake.test"
            self.stream.append((room, {"type": "m.room.message", "event_id": name, "sender": sender,
                                       "origin_server_ts": int(time.time() * 1000), **event}))
            self.lock.notify_all()
        return name

    def attach(self, room, name, data, kind="m.file", mime="text/plain", **more):
        media = f"media{len(self.media)}"
        self.media[media] = (mime, data)
        content = {"msgtype": kind, "body": name, "url": f"mxc://fake.test/{media}", "info": {"mimetype": mime, "size": len(data)}}
        return self.put(room, {"content": {**content, **more}})

    def encrypt(self, room):
        with self.lock:
            self.state.setdefault(room, []).append({"type": "m.room.encryption", "event_id": f"$e{room[1:]}", "sender": SELF,
                                                    "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}})
        return self.put(room, {"type": "m.room.encrypted", "content": {"ciphertext": "xx"}})

    def answers(self, room=None):
        with self.lock:
            return [row["body"] for row in self.sent if room in (None, row["room"])]

    def keep(self):
        with self.lock:
            self.held = True
            self.lock.wait_for(lambda: self.hold is None or self.closed)

    def let_go(self):
        with self.lock:
            self.hold = None
            self.lock.notify_all()

    # ---- the calls -----------------------------------------------------------------------------

    def sync(self, query, body):
        since = int(query.get("since", "s0")[1:])
        limit = json.loads(query.get("filter", "{}")).get("room", {}).get("timeline", {}).get("limit", 10)
        with self.lock:
            if "since" in query:
                self.lock.wait_for(lambda: len(self.stream) > since or self.closed, min(int(query.get("timeout", 0)) / 1000, 20))
            rooms = {}
            for at in range(since, len(self.stream)):
                room, event = self.stream[at]
                rooms.setdefault(room, []).append((at, event))
            join = {}
            for room, rows in rooms.items():
                shown = rows[-limit:]
                join[room] = {"timeline": {"events": [e for _, e in shown], "limited": len(shown) < len(rows),
                                           "prev_batch": f"s{shown[0][0]}"},
                              "state": {"events": self.state.get(room, []) if since == 0 else []}}
            return 200, {"next_batch": f"s{len(self.stream)}", "rooms": {"join": join, "invite": self.invites}}

    def messages(self, query, body, room):
        begin, stop = int(query["from"][1:]), int(query.get("to", "s0")[1:])
        with self.lock:
            rows = [(at, e) for at, (r, e) in enumerate(self.stream) if r == room and stop <= at < begin][::-1]
        page = rows[:min(int(query.get("limit", 10)), 7)]       # a server may give less than it is asked for
        more = {"end": f"s{page[-1][0]}"} if page else {}
        return 200, {"start": query["from"], "chunk": [e for _, e in page], **more}

    def send(self, query, body, room, kind, txn):
        with self.lock:
            known = self.transactions.get((room, txn))
            if known:
                self.again += 1
                return 200, {"event_id": known}
            name = f"$sent{len(self.sent)}:fake.test"
            self.transactions[room, txn] = name
            self.sent.append({"room": room, "body": body["body"], "html": body.get("formatted_body"), "kind": body["msgtype"],
                              "txn": txn, "at": time.monotonic(), "content": body})
            self.stream.append((room, {"type": kind, "event_id": name, "sender": SELF, "content": body}))
            self.lock.notify_all()
        return 200, {"event_id": name}

    def type(self, query, body, room, user):
        assert user == SELF and body["timeout"] <= 30000
        with self.lock:
            self.typing.append(room)
        return 200, {}

    def download(self, query, body, server, media):
        if self.old:
            return 404, {"errcode": "M_UNRECOGNIZED", "error": "unknown"}
        return self.old_download(query, body, server, media)

    def old_download(self, query, body, server, media):
        if server != "fake.test" or media not in self.media:
            return 404, {"errcode": "M_NOT_FOUND", "error": "no such media"}
        return 200, self.media[media]

    def upload(self, query, body):
        with self.lock:
            name = f"upload{len(self.media)}"
            self.media[name] = body
        return 200, {"content_uri": f"mxc://fake.test/{name}"}

    def files(self):
        """What was sent and is no text: kind, name, words, the bytes behind it and the type they were brought as."""
        with self.lock:
            rows = [row["content"] for row in self.sent if "url" in row["content"]]
        return [(c["msgtype"], c["filename"], c["body"], *self.media[c["url"].rsplit("/", 1)[1]]) for c in rows]

    def whoami(self, query, body):
        return 200, {"user_id": SELF}

    ROUTES = [
        ("GET", "sync", r"/_matrix/client/v3/sync", sync),
        ("GET", "whoami", r"/_matrix/client/v3/account/whoami", whoami),
        ("GET", "messages", r"/_matrix/client/v3/rooms/([^/]+)/messages", messages),
        ("PUT", "send", r"/_matrix/client/v3/rooms/([^/]+)/send/([^/]+)/([^/]+)", send),
        ("PUT", "typing", r"/_matrix/client/v3/rooms/([^/]+)/typing/([^/]+)", type),
        ("GET", "download", r"/_matrix/client/v1/media/download/([^/]+)/([^/]+)", download),
        ("GET", "old_download", r"/_matrix/media/v3/download/([^/]+)/([^/]+)", old_download),
        ("POST", "upload", r"/_matrix/media/v3/upload", upload),
    ]

    def answer(self, method, target, token, body):
        path, _, text = target.partition("?")
        query = dict(urllib.parse.parse_qsl(text))
        if token != f"Bearer {self.token}":
            return 401, {"errcode": "M_MISSING_TOKEN", "error": "no token"}
        if self.logged_out:
            return 401, {"errcode": "M_UNKNOWN_TOKEN", "error": "logged out", "soft_logout": True}
        for verb, name, pattern, function in self.ROUTES:
            found = re.fullmatch(pattern, path)
            if verb != method or not found:
                continue
            with self.lock:
                self.calls.append((name, query))
                if self.refuse.get(name):
                    return self.refuse[name].pop(0)
            said = function(self, query, body, *[urllib.parse.unquote(part) for part in found.groups()])
            if name == self.hold and (name == "upload" or "url" in body):
                self.keep()
            return said
        return 404, {"errcode": "M_UNRECOGNIZED", "error": "unknown"}
