"""What ends or ages on a machine by itself: its certificates and its image."""
import os
import re
import ssl
import subprocess

DAY_SECONDS = 86_400
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def days_left(files, now):
    """Until the first of all certificates in these PEM files ends; 0 after that. None without any."""
    ends = [_end(pem) for file in files if os.path.exists(file) for pem in CERTIFICATE.findall(_read(file))]
    return max(0, (min(ends) - now) / DAY_SECONDS) if ends else None


def days_since(file, now):
    """Since the time that the file names, in seconds since 1970. None without the file."""
    return (now - int(_read(file))) / DAY_SECONDS if os.path.exists(file) else None


def _end(pem):
    argv = ["openssl", "x509", "-noout", "-enddate"]
    told = subprocess.run(argv, input=pem, stdout=subprocess.PIPE, text=True, check=True).stdout
    return ssl.cert_time_to_seconds(told.strip().partition("=")[2])


def _read(file):
    with open(file, encoding="ascii") as opened:
        return opened.read()
