"""A small program under a supervisor: `python standin.py PORT [stubborn]` answers 200 on PORT."""

import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("standing in", flush=True)
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
