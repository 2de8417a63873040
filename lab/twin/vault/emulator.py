"""The emulator as S3 of the vaults, with what it lacks and pgBackRest needs.

The emulator doesn't: it answers a request for a range of a certain version with the whole of it. pgBackRest reads files out
of bundles by ranges, and as of a time (--repo-target-time) by versions.
"""

from ministack.app import main
from ministack.services import s3

whole = s3._get_object


def ranged(bucket_name, key, headers, query_params=None, *more, **named):
    status, answer, body = whole(bucket_name, key, headers, query_params, *more, **named)
    asked = headers.get("range", "")
    if status != 200 or not asked or "versionId" not in (query_params or {}):
        return status, answer, body
    span = s3._parse_range(asked, len(body))
    if span is None:
        return 416, {"Content-Range": f"bytes */{len(body)}"}, b""
    first, last = span
    part = body[first : last + 1]
    return 206, {**answer, "Content-Length": str(len(part)), "Content-Range": f"bytes {first}-{last}/{len(body)}"}, part


s3._get_object = ranged
main()
