"""One request to the emulated S3, signed with what pgBackRest is given there.

s3.py GET|PUT BUCKET KEY [QUERY] < body > body. Ends with 1 and S3's words when it is refused.
"""

import datetime
import hashlib
import hmac
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

ALGORITHM = "AWS4-HMAC-SHA256"


def region():
    with open("/etc/pgbackrest.conf", encoding="utf8") as file:
        return re.search(r"^repo1-s3-region=(.*)$", file.read(), re.MULTILINE).group(1)


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def request(method, bucket, key, query="", body=b""):
    place, now = region(), datetime.datetime.now(datetime.timezone.utc)
    host = f"s3.{place}.amazonaws.com"
    path = urllib.parse.quote(f"/{bucket}/{key}")
    query = f"{query}=" if query and "=" not in query else query
    headers = {
        "host": host,
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
    }
    names = ";".join(headers)
    lines = [method, path, query, *(f"{name}:{value}" for name, value in headers.items()), "", names]
    canonical = "\n".join([*lines, headers["x-amz-content-sha256"]])
    scope = f"{now:%Y%m%d}/{place}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    secret = f"AWS4{os.environ['PGBACKREST_REPO1_S3_KEY_SECRET']}".encode()
    for part in scope.split("/"):
        secret = sign(secret, part)
    signature = sign(secret, "\n".join([ALGORITHM, headers["x-amz-date"], scope, digest])).hex()
    credential = f"{os.environ['PGBACKREST_REPO1_S3_KEY']}/{scope}"
    headers["authorization"] = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    url = f"https://{host}{path}{'?' + query if query else ''}"
    return urllib.request.Request(url, body if method == "PUT" else None, headers, method=method)


def main(method, bucket, key, query=""):
    body = sys.stdin.buffer.read() if method == "PUT" else b""
    context = ssl.create_default_context(cafile=os.environ["PGBACKREST_REPO1_STORAGE_CA_FILE"])
    try:
        with urllib.request.urlopen(request(method, bucket, key, query, body), timeout=600, context=context) as answer:
            sys.stdout.buffer.write(answer.read())
    except urllib.error.HTTPError as error:
        words = re.search(r"<Message>(.*?)</Message>", error.read().decode(errors="replace"))
        sys.exit(f"S3: {error.code} for {method} {bucket}/{key}: {words.group(1) if words else error.reason}")


main(*sys.argv[1:])
