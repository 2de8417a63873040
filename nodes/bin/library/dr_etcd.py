"""This region's etcd through its JSON gateway: values, and a lock that ends with its holder."""
import base64
import json
import threading
import urllib.request

from dr_patroni import tls_context

GUARD_CONFIG = "/etc/dr/guard.json"


def _encode(text):
    return base64.b64encode(text.encode()).decode()


class Etcd:
    """Its keys are beside Patroni's, below the cluster's name."""

    def __init__(self):
        with open(GUARD_CONFIG, encoding="utf8") as file:
            config = json.load(file)
        self.endpoints = config["etcd"]
        self.base = f"{config['namespace']}{config['scope']}"
        self.tls = tls_context()

    def _call(self, path, body):
        """Tries one member after the other. @raises OSError when none answers."""
        failure = OSError("no etcd endpoint")
        for endpoint in self.endpoints:
            request = urllib.request.Request(
                f"{endpoint}/v3/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=3, context=self.tls) as response:
                    return json.load(response)
            except OSError as error:
                failure = error
        raise failure

    def get(self, name):
        """The parsed value; None when there is no such key."""
        found = self._call("kv/range", {"key": _encode(f"{self.base}/{name}")}).get("kvs")
        return json.loads(base64.b64decode(found[0]["value"])) if found else None

    def put(self, name, value):
        self._call("kv/put", {"key": _encode(f"{self.base}/{name}"), "value": _encode(json.dumps(value))})

    def lock(self, name, holder, seconds):
        """@returns the Lock, or None while another node holds it."""
        lease = self._call("lease/grant", {"TTL": seconds})["ID"]
        key = _encode(f"{self.base}/{name}")
        taken = self._call(
            "kv/txn",
            {
                "compare": [{"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": "0"}],
                "success": [{"request_put": {"key": key, "value": _encode(json.dumps(holder)), "lease": lease}}],
            },
        ).get("succeeded")
        if taken:
            return Lock(self, lease, seconds)
        self._call("lease/revoke", {"ID": lease})
        return None


class Lock:
    """A thread keeps it alive until its release. If its holder dies, it expires after its seconds."""

    def __init__(self, etcd, lease, seconds):
        self.etcd, self.lease, self.seconds = etcd, lease, seconds
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._keep, daemon=True)
        self.thread.start()

    def _keep(self):
        while not self.over.wait(self.seconds / 3):
            try:
                self.etcd._call("lease/keepalive", {"ID": self.lease})
            except OSError:
                # The next one may succeed. If none does until the lease ends, another node may begin.
                pass

    def release(self):
        self.over.set()
        self.thread.join()
        self.etcd._call("lease/revoke", {"ID": self.lease})
