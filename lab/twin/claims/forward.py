"""Listens on an address inside the twin's network and passes bytes on to a socket of the host.

Arguments: the address, the port, the socket's path. Says `{"ready": true}` once it listens. Reads JSON lines
`{"id", "refuse"}` from standard input: while it refuses, nothing listens, and open connections are reset.
It ends when its input does.
"""

import asyncio
import json
import socket
import struct
import sys

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Forwarder:
    def __init__(self, address, port, path):
        self.address, self.port, self.path = address, port, path
        self.server, self.clients = None, set()

    async def listen(self):
        # Its address comes after it has started: the network is plugged in from outside.
        for _ in range(100):
            try:
                self.server = await asyncio.start_server(self.serve, self.address, self.port)
                return
            except OSError as error:
                failure = error
                await asyncio.sleep(0.05)
        sys.exit(f"{self.address}:{self.port}: {failure}")

    def refuse(self):
        if self.server:
            self.server.close()
            self.server = None
        for writer in self.clients:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()

    async def serve(self, reader, writer):
        self.clients.add(writer)
        try:
            inner, outer = await asyncio.open_unix_connection(self.path)
            await asyncio.gather(copy(reader, outer), copy(inner, writer))
        except OSError:
            writer.close()
        finally:
            self.clients.discard(writer)


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def say(message):
    print(json.dumps(message), flush=True)


async def main(address, port, path):
    forwarder = Forwarder(address, int(port), path)
    await forwarder.listen()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    say({"ready": True})
    while line := await commands.readline():
        request = json.loads(line)
        if request["refuse"]:
            forwarder.refuse()
        elif forwarder.server is None:
            await forwarder.listen()
        say({"id": request["id"]})


asyncio.run(main(*sys.argv[1:]))
