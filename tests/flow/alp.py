# SPDX-License-Identifier: Apache-2.0
"""
Another implementation of ALP, small and written from the specification alone, in another language and on another
library: what our daemon says to it and takes from it is what it says to and takes from any peer. It can also lie.
"""
import base64
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import socket
import struct
import threading

from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

P = 2**255 - 19
NOISE = b"Noise_XK_25519_ChaChaPoly_SHA256"


def b64(data):
    return base64.b64encode(data).decode()


def raw_public(key):
    return key.public_key().public_bytes(s.Encoding.Raw, s.PublicFormat.Raw)


def to_x25519(identity):
    """The X25519 public key of an identity."""
    y = int.from_bytes(base64.b64decode(identity), "little") & (2**255 - 1)
    return ((1 + y) * pow(1 - y, -1, P) % P).to_bytes(32, "little")


class Identity:
    def __init__(self, seed=None):
        self.seed = seed or os.urandom(32)
        self.key = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.name = b64(raw_public(self.key))
        secret = bytearray(hashlib.sha512(self.seed).digest()[:32])
        secret[0] &= 248
        secret[31] = secret[31] & 127 | 64
        self.x = X25519PrivateKey.from_private_bytes(bytes(secret))
        self.x_public = raw_public(self.x)

    @classmethod
    def of(cls, home):
        """The identity of a home on disk."""
        pem = (pathlib.Path(home) / "alp/secrets/alp_key.pem").read_bytes()
        key = s.load_pem_private_key(pem, None)
        return cls(key.private_bytes(s.Encoding.Raw, s.PrivateFormat.Raw, s.NoEncryption()))


def canonical(message):
    copy = {**message, "alp": {k: v for k, v in message["alp"].items() if k != "sig"}}
    return json.dumps(copy, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def now_text(shift=0.0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=shift)
    return t.isoformat().replace("+00:00", "Z")


def sign(identity, whom, message, shift=0.0, **alp):
    """Put the alp block on a message; keyword arguments replace its members before signing."""
    message["alp"] = {"v": 1, "from": identity.name, "to": whom, "ts": now_text(shift), "nonce": os.urandom(16).hex(), **alp}
    message["alp"]["sig"] = b64(identity.key.sign(canonical(message)))
    return message


def request(identity, whom, method, params=None, **alp):
    return sign(identity, whom, {"jsonrpc": "2.0", "id": os.urandom(16).hex(), "method": method, "params": params or {}}, **alp)


def check(message, sender):
    """The signature of a response; raises when it does not hold."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(message["alp"]["from"]))
    key.verify(base64.b64decode(message["alp"]["sig"]), canonical(message))
    assert message["alp"]["from"] == sender
    return message


def text_of(message):
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


class Closed(Exception):
    """The other side closed; `said` is what had come before."""


class UnixWire:
    """Lines on a Unix socket."""

    def __init__(self, path=None, connection=None):
        self.socket = connection or socket.socket(socket.AF_UNIX)
        if connection is None:
            self.socket.connect(str(path))
        self.socket.settimeout(60)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data + b"\n")

    def receive(self):
        try:
            line = self.file.readline()
        except ConnectionError:
            line = b""
        if not line:
            raise Closed()
        return line.rstrip(b"\n")

    def close(self):
        self.file.close()
        self.socket.close()


class Symmetric:
    """The symmetric state of a Noise handshake."""

    def __init__(self):
        self.h = self.ck = NOISE
        self.k = None
        self.mix_hash(b"")

    def mix_hash(self, data):
        self.h = hashlib.sha256(self.h + data).digest()

    def mix_key(self, secret):
        assert any(secret)
        self.ck, self.k = hkdf(self.ck, secret)
        self.n = 0

    def seal(self, plain):
        out = ChaCha20Poly1305(self.k).encrypt(struct.pack("<4xQ", self.n), plain, self.h)
        self.n += 1
        self.mix_hash(out)
        return out

    def open(self, text):
        out = ChaCha20Poly1305(self.k).decrypt(struct.pack("<4xQ", self.n), text, self.h)
        self.n += 1
        self.mix_hash(text)
        return out


def hkdf(ck, secret):
    def mac(key, data):
        return hmac.new(key, data, hashlib.sha256).digest()

    temp = mac(ck, secret)
    one = mac(temp, b"\x01")
    return one, mac(temp, one + b"\x02")


class TcpWire:
    """Noise_XK on TCP, as initiator, or as responder over an accepted connection."""

    def __init__(self, identity, address=None, to=None, connection=None, source=None):
        self.socket = connection or socket.create_connection(address, 60, source_address=source)
        self.socket.settimeout(60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            keys = self.begin(identity, to) if connection is None else self.answer(identity)
        except BaseException:
            self.socket.close()
            raise
        self.sending, self.receiving = (ChaCha20Poly1305(k) for k in keys)
        self.sent = self.received = 0

    def begin(self, identity, to):
        theirs, e, y = to_x25519(to), X25519PrivateKey.generate(), Symmetric()
        y.mix_hash(theirs)
        y.mix_hash(raw_public(e))
        y.mix_key(e.exchange(X25519PublicKey.from_public_bytes(theirs)))
        self.put(">H", raw_public(e) + y.seal(b""))
        message = self.get(">H")
        y.mix_hash(message[:32])
        y.mix_key(e.exchange(X25519PublicKey.from_public_bytes(message[:32])))
        y.open(message[32:])
        s_text = y.seal(identity.x_public)
        y.mix_key(identity.x.exchange(X25519PublicKey.from_public_bytes(message[:32])))
        self.put(">H", s_text + y.seal(b""))
        return hkdf(y.ck, b"")

    def answer(self, identity):
        y, e = Symmetric(), X25519PrivateKey.generate()
        y.mix_hash(identity.x_public)
        message = self.get(">H")
        re = X25519PublicKey.from_public_bytes(message[:32])
        y.mix_hash(message[:32])
        y.mix_key(identity.x.exchange(re))
        y.open(message[32:])
        y.mix_hash(raw_public(e))
        y.mix_key(e.exchange(re))
        self.put(">H", raw_public(e) + y.seal(b""))
        message = self.get(">H")
        rs = X25519PublicKey.from_public_bytes(y.open(message[:48]))
        y.mix_key(e.exchange(rs))
        y.open(message[48:])
        return reversed(hkdf(y.ck, b""))

    def put(self, width, data):
        self.socket.sendall(struct.pack(width, len(data)) + data)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            try:
                part = self.socket.recv(n - len(data))
            except ConnectionError:
                part = b""
            if not part:
                raise Closed(data)
            data += part
        return data

    def get(self, width):
        return self.exactly(struct.unpack(width, self.exactly(struct.calcsize(width)))[0])

    def send(self, data):
        self.put(">I", self.sending.encrypt(struct.pack("<4xQ", self.sent), data, None))
        self.sent += 1

    def receive(self):
        plain = self.receiving.decrypt(struct.pack("<4xQ", self.received), self.get(">I"), None)
        self.received += 1
        return plain

    def close(self):
        self.socket.close()


def stream(wire, identity, to, method, params=None, **alp):
    """Ask; every frame of the answer, checked, until it ends."""
    message = request(identity, to, method, params, **alp)
    wire.send(text_of(message))
    nonces = set()
    while True:
        answer = check(json.loads(wire.receive()), to)
        assert answer["id"] == message["id"] and answer["alp"]["to"] == identity.name
        assert answer["alp"]["nonce"] not in nonces
        nonces.add(answer["alp"]["nonce"])
        yield answer
        if answer.get("stream") != "chunk":
            return


def ask(wire, identity, to, method, params=None, **alp):
    """Ask; the one answer."""
    [answer] = stream(wire, identity, to, method, params, **alp)
    return answer


class Peer:
    """A peer that answers by a function: (method, params, respond) -> None, with respond(result=…|error=…, stream=…)."""

    def __init__(self, serve, identity=None, path=None):
        self.identity = identity or Identity()
        self.serve = serve
        self.seen = []
        self.tcp = path is None
        self.socket = socket.socket(socket.AF_INET if self.tcp else socket.AF_UNIX)
        self.socket.bind(("127.0.0.1", 0) if self.tcp else str(path))
        self.socket.listen(64)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1] if self.tcp else str(path)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.session, args=(connection,), daemon=True).start()

    def session(self, connection):
        try:
            wire = TcpWire(self.identity, connection=connection) if self.tcp else UnixWire(connection=connection)
            while True:
                message = json.loads(wire.receive())
                check(message, message["alp"]["from"])
                self.seen.append(message)

                def respond(result=None, error=None, stream=None, **alp):
                    answer = {"jsonrpc": "2.0", "id": message["id"]}
                    answer |= {"error": error} if error is not None else {"result": result}
                    answer |= {"stream": stream} if stream else {}
                    wire.send(text_of(sign(self.identity, message["alp"]["from"], answer, **alp)))

                if self.serve(message["method"], message.get("params") or {}, respond) is False:
                    wire.close()
                    return
                if not self.tcp:
                    wire.close()
                    return
        except (Closed, OSError):
            connection.close()

    def close(self):
        self.socket.close()
