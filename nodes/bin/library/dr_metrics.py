"""Gauges for CloudWatch, as StatsD lines to the agent on this machine; their meaning: components/alarms/metrics.ts.

Without an agent they are lost, which is harmless: a gauge that isn't sent has no value.
"""
import socket

AGENT = ("127.0.0.1", 8125)


def publish(node=None, **values):
    """`publish(BackupFailed=0)`. A gauge can't be below 0: a sign would mean "more" or "less".

    node: its name, for a further series with the dimension Node.
    """
    tag = f"|#Node:{node}" if node else ""
    lines = "\n".join(f"{name}:{max(0, value):.3f}|g{tag}" for name, value in values.items() if value is not None)
    if not lines:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        try:
            agent.sendto(lines.encode(), AGENT)
        except OSError:
            pass
