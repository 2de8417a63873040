"""Listens on an address inside the twin's network and passes bytes on to a socket of the host.

Arguments: the address, the port, the socket's path. Says `{"ready": true}` once it listens; ends with its input.
"""

import asyncio
import json
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(path, reader, writer):
    try:
        inner, outer = await asyncio.open_unix_connection(path)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, outer), copy(inner, writer))


async def main(address, port, path):
    loop = asyncio.get_running_loop()
    # Its address comes after it has started: the network is plugged in from outside.
    for _ in range(100):
        try:
            server = await asyncio.start_server(lambda r, w: serve(path, r, w), address, int(port))
            break
        except OSError:
            await asyncio.sleep(0.05)
    else:
        sys.exit(f"{address} did not appear")
    print(json.dumps({"ready": True}), flush=True)
    async with server:
        await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main(*sys.argv[1:]))
