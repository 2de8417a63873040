"""Process 1 must wait for every process that ends here, its own children and those that lost their parent."""

import asyncio
import os
import subprocess
import threading


class Reaper:
    def __init__(self):
        self.waiting = {}
        # Ended before anybody asked.
        self.ended = {}

    async def start(self, argv, **options):
        process = Process(argv, **options)
        process.ended = asyncio.get_running_loop().create_future()
        process.ended.add_done_callback(lambda ended: setattr(process, "returncode", ended.result()))
        if process.pid in self.ended:
            process.ended.set_result(self.ended.pop(process.pid))
        else:
            self.waiting[process.pid] = process.ended
        return process

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            code = 128 - code if code < 0 else code
            future = self.waiting.pop(pid, None)
            if future is None:
                self.ended[pid] = code
            elif not future.done():
                future.set_result(code)
            if len(self.ended) > 1000:
                self.ended.clear()


class Process(subprocess.Popen):
    """A child whose end the reaper sees; Popen must not wait for it itself."""

    def _internal_poll(self, *_args, **_kwargs):
        return None

    def communicate_raw(self, data):
        """Feeds and drains the pipes. Blocks."""
        chunks = {}

        def drain(name, pipe):
            chunks[name] = pipe.read()
            pipe.close()

        threads = [
            threading.Thread(target=drain, args=(name, pipe), daemon=True)
            for name, pipe in (("out", self.stdout), ("err", self.stderr))
        ]
        for thread in threads:
            thread.start()
        if self.stdin:
            try:
                self.stdin.write(data)
                self.stdin.close()
            except BrokenPipeError:
                pass
        for thread in threads:
            thread.join()
        return chunks["out"], chunks["err"]
