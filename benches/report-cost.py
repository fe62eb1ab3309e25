#!/usr/bin/env python3
"""What a report costs beyond the run of the net that its picture takes.

usage: report-cost.py COMMAND PICTURES     (a folder of JPEG and PNG files; ONNX Runtime by ORT_DYLIB_PATH)

A daemon of its own gets reports of 200 messages with one picture each, one after the other, on its unix socket. Printed is the mean time from the
request to the answer, that of the net by the daemon's own metrics, and the same for reports of pictures that are known already.
"""

import base64
import http.client
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPORTS = 200
BUNDLE = Path(__file__).resolve().parent.parent / "models/resnet50-thin"


class Daemon(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path: Path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def ask(path: Path, method: str, target: str, body: bytes = b"") -> tuple[float, bytes]:
    """Milliseconds, and the answer."""
    daemon, started = Daemon(path), time.perf_counter()
    daemon.request(method, target, body)
    answer = daemon.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"report-cost: {target}: {answer.status}: {text.decode()}")
    return 1000 * (time.perf_counter() - started), text


def message(picture: bytes) -> bytes:
    kind = b"png" if picture.startswith(b"\x89PNG") else b"jpeg"
    head = b"From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: image/" + kind + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + base64.encodebytes(picture).replace(b"\n", b"\r\n")


def main() -> None:
    program, folder = sys.argv[1:]
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix in (".jpg", ".png"))
    random.Random(1).shuffle(files)
    messages = [message(path.read_bytes()) for path in files[:REPORTS]]
    with tempfile.TemporaryDirectory() as place:
        at = Path(place)
        api = at / "api.sock"
        settings = [f'milter.listen=["unix:{at}/milter.sock"]', f'api.socket="{api}"', f'feedback.store="sqlite:{at}/feedback.db"',
                    f'feedback.key="{at}/key"', 'learn.folder=""', f'model.bundle="{BUNDLE}"']
        with (at / "log").open("w") as log:
            daemon = subprocess.Popen([program, "run", *(word for setting in settings for word in ("--set", setting))], stderr=log)
        try:
            for _ in range(100):
                if api.exists() or daemon.poll() is not None:
                    break
                time.sleep(0.1)
            if not api.exists():
                sys.exit(f"report-cost: the daemon does not start:\n{(at / 'log').read_text()}")
            fresh = [ask(api, "POST", f"/v1/reports?user=a{number}&reaction=spam", body)[0] for number, body in enumerate(messages)]
            metrics = ask(api, "GET", "/metrics")[1].decode()
            known = [ask(api, "POST", f"/v1/reports?user=b{number}&reaction=spam", body)[0] for number, body in enumerate(messages)]
        finally:
            daemon.terminate()
            daemon.wait()
    total, count = (float(re.search(rf'stage_seconds_{what}{{[^}}]*stage="net"[^}}]*}} (\S+)', metrics).group(1)) for what in ("sum", "count"))
    net = 1000 * total / count
    print(f"a report: {statistics.mean(fresh):.1f} ms, the net {net:.1f} of them, the rest {statistics.mean(fresh) - net:.1f}; "
          f"of a picture that is known: {statistics.mean(known):.1f} ms ({len(fresh)} reports each)")


if __name__ == "__main__":
    main()
