# SPDX-License-Identifier: Apache-2.0
"""A small Gmail: consent with PKCE, tokens that end, the history with its pages, messages, threads and sending."""
import base64
import email
import email.policy
import hashlib
import json
import time
import urllib.parse

from service import Handler, Service


def b64(data):
    return base64.urlsafe_b64encode(data).decode()


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(status)
        self.status, self.body = status, body


def error(status, message, word):
    """As the API says it."""
    return Refused(status, {"error": {"code": status, "message": message, "status": word,
                                      "errors": [{"message": message, "domain": "global", "reason": word.lower()}]}})


class GmailHandler(Handler):
    def serve(self):
        url, data, service = urllib.parse.urlsplit(self.path), self.body(), self.service
        if service.hook:
            service.hook(self.command, url.path)
        with service.lock:
            if url.path == "/o/oauth2/v2/auth":
                status, body, more = 302, {}, {"Location": service.consent(url.query)}
            else:
                status, body, more = *service.told(self.command, url.path, url.query, self.headers, data), {}
        self.say(status, body, "application/json; charset=UTF-8", **more)

    do_GET = do_POST = serve


class Gmail(Service):
    """One account. `messages` holds all, by id; `sent` those that we sent, parsed; `calls` what was asked, in order."""

    def __init__(self, address="me@gmail.example", client=("client-1", "secret-1"), port=0):
        self.address, self.client = address, client
        self.history_id, self.oldest = 5000, 1
        self.history = []                       # (historyId, message id)
        self.messages, self.sent, self.calls = {}, [], []
        self.codes, self.access, self.refresh = {}, {}, set()
        self.life, self.page = 3600, 100
        self.refreshed = 0
        self.refuse = {}                        # path prefix below users/me/ or "token" -> [(status, body, headers)]
        self.hook = None                        # called with (method, path) before each answer, outside the lock
        super().__init__(GmailHandler, port)

    # ---- what happens outside -------------------------------------------------------------------

    def token_file(self, left=3600):
        """What the reference implementation would have left."""
        with self.lock:
            access, refresh = f"ya29.{len(self.access)}", f"1//refresh-{len(self.refresh)}"
            self.access[access] = time.time() + max(left, 0)
            self.refresh.add(refresh)
        return {"email": self.address, "access_token": access, "refresh_token": refresh, "expires_at": int(time.time() + left)}

    def deliver(self, sender, text="hello", subject="a question", labels=("INBOX", "UNREAD"), raw=None, thread=None, **headers):
        """A mail arrives; its id."""
        with self.lock:
            number = 0x18c0000000 + len(self.messages)
            ident = f"{number:x}"
            if raw is None:
                lines = {"From": sender, "To": self.address, "Subject": subject, "Message-ID": f"<{ident}@there.example>",
                         "Date": "Sat, 21 Nov 2026 10:00:00 +0000", **{k.replace("_", "-"): v for k, v in headers.items()},
                         "Content-Type": "text/plain; charset=utf-8"}
                raw = "".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n" + text.encode() + b"\r\n"
            self.put(ident, thread or ident, raw, labels)
            return ident

    def put(self, ident, thread, raw, labels):
        self.history_id += 7
        self.messages[ident] = {"id": ident, "threadId": thread, "raw": raw, "labels": list(labels), "history": self.history_id}
        self.history.append((self.history_id, ident))
        self.lock.notify_all()

    def answers(self):
        with self.lock:
            return [m.get_content().replace("\r\n", "\n").rstrip("\n") for m in self.sent]

    # ---- consent --------------------------------------------------------------------------------

    def consent(self, query):
        """A person says yes: where their browser is sent."""
        q = dict(urllib.parse.parse_qsl(query))
        assert q["response_type"] == "code" and q["code_challenge_method"] == "S256" and q["access_type"] == "offline", q
        assert q["client_id"] == self.client[0], q
        code = f"4/{len(self.codes)}"
        self.codes[code] = (q["code_challenge"], q["redirect_uri"], q["scope"])
        return q["redirect_uri"] + "?" + urllib.parse.urlencode({"state": q["state"], "code": code, "scope": q["scope"]})

    def new_access(self):
        access = f"ya29.{len(self.access)}"
        self.access[access] = time.time() + self.life
        return {"access_token": access, "expires_in": self.life, "token_type": "Bearer"}

    def token(self, form):
        if (form.get("client_id"), form.get("client_secret")) != self.client:
            raise Refused(401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self.refresh:
                raise Refused(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
            self.refreshed += 1
            return self.new_access()
        challenge, redirect, scope = self.codes.pop(form.get("code"), (None, None, None))
        proof = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip("=")
        if challenge is None or proof != challenge or form.get("redirect_uri") != redirect:
            raise Refused(400, {"error": "invalid_grant", "error_description": "Bad Request"})
        refresh = f"1//refresh-{len(self.refresh)}"
        self.refresh.add(refresh)
        return {**self.new_access(), "refresh_token": refresh, "scope": scope}

    # ---- the API --------------------------------------------------------------------------------

    def shown(self, m, form):
        out = {"id": m["id"], "threadId": m["threadId"], "labelIds": list(m["labels"]), "historyId": str(m["history"]),
               "sizeEstimate": m.get("size", len(m["raw"])), "internalDate": "1795255200000"}
        if form == "minimal":
            return out
        if form == "raw":
            return {**out, "raw": b64(m["raw"])}
        parsed = email.message_from_bytes(m["raw"])
        headers = [{"name": k, "value": str(v)} for k, v in parsed.items()]
        payload = {"mimeType": parsed.get_content_type(), "headers": headers}
        if form == "full" and parsed.is_multipart():
            payload["parts"] = [{"mimeType": p.get_content_type(), "filename": p.get_filename() or ""} for p in parsed.get_payload()]
        return {**out, "snippet": "", "payload": payload}

    def message(self, ident):
        if ident not in self.messages:
            raise error(404, "Requested entity was not found.", "NOT_FOUND")
        return self.messages[ident]

    def get_profile(self, q, body):
        return {"emailAddress": self.address, "messagesTotal": len(self.messages), "threadsTotal": 1, "historyId": str(self.history_id)}

    def get_history(self, q, body):
        start = int(q["startHistoryId"])
        if start < self.oldest:
            raise error(404, "Requested entity was not found.", "NOT_FOUND")
        assert q["historyTypes"] == "messageAdded", q
        rows = [(h, i) for h, i in self.history if h > start]
        at, count = int(q.get("pageToken", "0")), min(self.page, int(q.get("maxResults", 100)))
        out = {"historyId": str(self.history_id)}
        if rows[at:at + count]:
            out["history"] = [{"id": str(h), "messages": [{"id": i, "threadId": self.messages[i]["threadId"]}],
                               "messagesAdded": [{"message": {"id": i, "threadId": self.messages[i]["threadId"],
                                                              "labelIds": list(self.messages[i]["labels"])}}]}
                              for h, i in rows[at:at + count] if i in self.messages]
        if len(rows) > at + count:
            out["nextPageToken"] = str(at + count)
        return out

    def list_messages(self, q, body):
        words, labels = q.get("q", ""), q.get("labelIds")
        found = [m for m in self.messages.values() if (labels is None or labels in m["labels"]) and self.matches(m, words)]
        found = found[::-1][:int(q.get("maxResults", 100))]
        return {"resultSizeEstimate": len(found), **({"messages": [{"id": m["id"], "threadId": m["threadId"]} for m in found]} if found else {})}

    def matches(self, m, words):
        parsed = email.message_from_bytes(m["raw"])
        for word in words.split():
            key, _, value = word.partition(":")
            value = value.strip('"').strip("()")
            if key in ("from", "to", "subject") and value.lower() not in str(parsed[key]).lower():
                return False
            if word == "is:unread" and "UNREAD" not in m["labels"]:
                return False
        return True

    def modify(self, ident, body):
        m = self.message(ident)
        m["labels"] = [label for label in m["labels"] if label not in body.get("removeLabelIds", [])]
        m["labels"] += [label for label in body.get("addLabelIds", []) if label not in m["labels"]]
        return {"id": ident, "threadId": m["threadId"], "labelIds": m["labels"]}

    def send(self, body):
        raw = base64.urlsafe_b64decode(body["raw"] + "=" * (-len(body["raw"]) % 4))
        thread = body.get("threadId")
        if thread is not None and thread not in [m["threadId"] for m in self.messages.values()]:
            raise error(404, "Requested entity was not found.", "NOT_FOUND")
        ident = f"{0x19c0000000 + len(self.messages):x}"
        self.put(ident, thread or ident, raw, ["SENT"])
        self.sent.append(email.message_from_bytes(raw, policy=email.policy.default))
        return {"id": ident, "threadId": thread or ident, "labelIds": ["SENT"]}

    def get_thread(self, ident, q):
        rows = [self.shown(m, q.get("format", "full")) for m in self.messages.values() if m["threadId"] == ident]
        if not rows:
            raise error(404, "Requested entity was not found.", "NOT_FOUND")
        return {"id": ident, "historyId": str(self.history_id), "messages": rows}

    def get_labels(self, q, body):
        return {"labels": [{"id": name, "name": name, "type": "system"} for name in ("INBOX", "SENT", "TRASH", "UNREAD")] +
                [{"id": "Label_7", "name": "Work", "type": "user"}]}

    def api(self, method, path, q, body):
        parts = path.split("/")
        one = {("GET", "profile"): self.get_profile, ("GET", "history"): self.get_history, ("GET", "messages"): self.list_messages,
               ("GET", "labels"): self.get_labels}
        if (method, path) in one:
            return one[method, path](q, body)
        if method == "POST" and path == "messages/send":
            return self.send(body)
        if parts[0] == "threads" and method == "GET":
            return self.get_thread(parts[1], q)
        if parts[0] == "messages" and method == "GET":
            return self.shown(self.message(parts[1]), q.get("format", "full"))
        if parts[0] == "messages" and parts[2:] == ["modify"] and method == "POST":
            return self.modify(parts[1], body)
        if parts[0] == "messages" and parts[2:] == ["trash"] and method == "POST":
            return self.modify(parts[1], {"addLabelIds": ["TRASH"], "removeLabelIds": ["INBOX"]})
        raise error(404, "Method not found.", "NOT_FOUND")

    def refused(self, path):
        for prefix, rows in self.refuse.items():
            if path.startswith(prefix) and rows:
                raise Refused(*rows.pop(0)[:2])

    def answer(self, method, path, query, headers, data):
        q = dict(urllib.parse.parse_qsl(query))
        if path == "/token":
            self.refused("token")
            return self.token(dict(urllib.parse.parse_qsl(data.decode())))
        head, _, below = path.partition("/gmail/v1/users/me/")
        if head != "" or not below:
            raise error(404, "Not Found", "NOT_FOUND")
        self.calls.append((method, below, q))
        self.refused(below)
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if self.access.get(token, 0) <= time.time():
            raise error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")
        return self.api(method, below, q, json.loads(data) if data else {})

    def told(self, method, path, query, headers, data):
        """Status and object."""
        try:
            return 200, self.answer(method, path, query, headers, data)
        except Refused as e:
            return e.status, e.body
