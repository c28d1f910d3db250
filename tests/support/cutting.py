"""An HTTP server on this machine that can cut its answers short and be poor in other ways."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves ``files``; the answers to come are cut after so many bytes as ``cuts`` says.

    What is cut stays open until ``held`` is set. ``asked`` lists the path and the range of each
    request.
    """

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.cuts: list[int] = []
        self.held = threading.Event()
        self.held.set()
        self.ranges = self.lengths = True
        self.asked: list[tuple[str, str | None]] = []
        self.encodings: set[str | None] = set()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name, wanted = self.path.rpartition("/")[2], self.headers["Range"]
        self.server.asked.append((self.path, wanted))
        self.server.encodings.add(self.headers["Accept-Encoding"])
        content, start = self.server.files.get(name), 0
        if wanted and self.server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        if content is None or start and start >= len(content):
            self.send_error(404 if content is None else 416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.server.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[start : start + cut])
        self.server.held.wait()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
