"""Answers HAProxy as guard and Patroni would: 200 to `/dr/active` on a writable server, to `/replica` on one in recovery, else 503.

repmgr brings nothing of the kind, and the benchmark compares failovers, not load balancers: with this, the very
same haproxy.cfg serves every system. Its only argument is the address to listen on.
"""

import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2

TLS = "/run/dr/tls"
# The guard's and Patroni's.
PORTS = (8009, 8008)


class Database:
    """One connection, kept, as Patroni keeps one."""

    def __init__(self):
        self.lock = threading.Lock()
        self.connection = None

    def in_recovery(self):
        with self.lock:
            try:
                if self.connection is None:
                    self.connection = psycopg2.connect("host=/var/run/postgresql dbname=postgres user=postgres")
                    self.connection.autocommit = True
                with self.connection.cursor() as cursor:
                    cursor.execute("SELECT pg_is_in_recovery()")
                    return cursor.fetchone()[0]
            except psycopg2.Error:
                if self.connection is not None:
                    self.connection.close()
                self.connection = None
                return None


class Handler(BaseHTTPRequestHandler):
    database = Database()
    timeout = 5

    def do_GET(self):
        wanted = {"/dr/active": False, "/primary": False, "/replica": True}.get(self.path)
        found = wanted is not None and self.database.in_recovery() is wanted
        self.send_response(200 if found else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_OPTIONS = do_HEAD = do_GET

    def log_message(self, *_args):
        """Several checks a second: not a line each."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address):
        super().__init__(address, Handler)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(f"{TLS}/node.crt", f"{TLS}/node.key")

    def finish_request(self, request, client_address):
        # In the request's own thread: a client with a slow handshake delays no other client.
        request.settimeout(Handler.timeout)
        try:
            with self.tls.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
        except OSError:
            pass


servers = [Server((sys.argv[1], port)) for port in PORTS]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
