"""How old the last verified escrow is, by its record (escrow/record.ts) and the passphrase that this machine uses.

The escrow is what opens the backups when the account is gone: an old or foreign one is none.
"""
import datetime
import hashlib
import json

# For an escrow that was never verified, or not with this passphrase: older than any setting allows.
NEVER_DAYS = 36500


class Unverified(Exception):
    """Why the record proves nothing."""


def age_days(record, passphrase, now):
    """@param record the parameter's value, or None. @throws Unverified."""
    if not record:
        raise Unverified("the escrow was never verified")
    try:
        found = json.loads(record)
        salt, expected = bytes.fromhex(found["passphrase"]["salt"]), found["passphrase"]["scrypt"]
        verified = datetime.datetime.fromisoformat(found["verifiedAt"].replace("Z", "+00:00")).timestamp()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unverified("the escrow's record can't be read") from None
    if hashlib.scrypt(passphrase.encode(), salt=salt, n=16384, r=8, p=1, dklen=32).hex() != expected:
        raise Unverified("the passphrase has changed since the escrow was verified")
    return (now - verified) / 86400
