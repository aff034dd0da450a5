"""A worker as operators start it, and what it says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time


class WorkerProcess:
    """A worker process. As a context manager it is killed at the end, if it still runs."""

    def __init__(self, module, log, **environment):
        self.admin_port = int(environment["ADMIN_PORT"])
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                env={"PATH": os.environ["PATH"], **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    async def stop(self):
        """Ask it to end; return its exit status and how many seconds it took."""
        asked = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self.process.wait, 10)
        return status, time.monotonic() - asked

    def output(self):
        """All that it has said."""
        return self._log.read_text()

    def lines(self, event):
        """Its log lines of this kind."""
        lines = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]
