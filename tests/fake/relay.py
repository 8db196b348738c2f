# SPDX-License-Identifier: Apache-2.0
"""A relay to a server on loopback: all passes as it is, but the test is asked before what the server says goes on."""
import socket
import threading


class Relay:
    def __init__(self, to):
        self.to, self.hook = to, lambda: None
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                client.close()
                continue
            for ends in ((client, server, lambda: None), (server, client, lambda: self.hook())):
                threading.Thread(target=self.pass_on, args=ends, daemon=True).start()

    @staticmethod
    def pass_on(source, to, before):
        try:
            while data := source.recv(65536):
                before()
                to.sendall(data)
        except OSError:
            pass                # an end is gone
        for end in (source, to):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass            # the other thread was here

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
