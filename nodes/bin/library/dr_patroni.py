"""This node's Patroni over its REST API."""
import json
import ssl
import urllib.request

CONFIG = "/etc/dr/patroni.yml"
TLS = "/run/dr/tls"


def tls_context():
    """Presents this node's certificate, and accepts only certificates from the authority."""
    context = ssl.create_default_context(cafile=f"{TLS}/authority.crt")
    context.load_cert_chain(f"{TLS}/node.crt", f"{TLS}/node.key")
    return context


class Patroni:
    """Changes need the node's certificate."""

    def __init__(self):
        import yaml

        with open(CONFIG, encoding="utf8") as file:
            config = yaml.safe_load(file)
        self.name = config["name"]
        self.base = f"https://{config['restapi']['connect_address']}"
        self.tls = tls_context()

    def call(self, method, path, body=None):
        """@raises OSError when Patroni doesn't answer; HTTPError, a subclass, when it refuses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10, context=self.tls) as response:
            return json.load(response)

    def members(self):
        """Members as the leader last read them from etcd: name, role, state, timeline, lag."""
        return self.call("GET", "/cluster").get("members", [])
