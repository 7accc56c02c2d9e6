"""`python -m minispec serve`: the page with a form; what the hall calls out is decoded here and played at once.

Invariant: it listens on this machine only, answers only pages that it wrote itself (Host and Origin are looked at),
decodes one prompt at a time, bounds every length, writes nothing, and ends with Ctrl-C.
"""

import argparse
import json
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock

from ..arguments import check_count
from ..checkpoint import list_models
from ..defaults import DRAFT, PROMPT, TARGET
from ..views.stage.page import page
from . import request
from .recording import BUGS, FIELDS, MOST_LETTERS, MOST_TAU, Asked, decode_for_page

PORT = 8765
MOST_BYTES = 4096                        # of a request's body
MOST_REQUESTS = 8                        # at the same time
PATIENCE = 10                            # seconds that a silent connection is kept
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; " \
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, and what is on the page at first."""
    parser.add_argument("prompt", nargs="?", default=PROMPT, help="any text (default: the beginning of a tale)")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--tau", type=int, default=4, metavar="N", help="drafts per round (default: %(default)s)")
    parser.add_argument("--draft", default=DRAFT, metavar="MODEL", help="a bundled model (default: %(default)s)")
    parser.add_argument("--target", default=TARGET, metavar="MODEL", help="a bundled model (default: %(default)s)")
    request.add_sampling(parser)


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    check_count("port", arguments.port)
    if arguments.port > 65535:
        raise ValueError(f"port is {arguments.port}; it must be 0 to 65535")
    noise = request.asked_noise(arguments)
    first = decode_for_page(Asked(arguments.prompt, arguments.tau, arguments.draft, arguments.target, noise=noise))
    server = Server(arguments.port, page([first], live_form()), noise)
    try:
        print(f"http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)", flush=True)
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0


def live_form() -> dict:
    """What the page's form asks for, and the address that answers it."""
    options = {"tau": [str(tau) for tau in range(MOST_TAU + 1)], "draft": list_models(), "target": list_models(),
               "bug": list(BUGS)}
    form = [{"name": name, "options": options.get(name), "length": MOST_LETTERS if name == "prompt" else None}
            for name in FIELDS]
    return {"address": "run", "fields": form}


def read_asked(body: bytes) -> Asked:
    """The decode that a request's body asks for.  Raises ValueError or TypeError for what is not one."""
    try:
        given = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("the request is not JSON") from None
    if not isinstance(given, dict) or set(given) - set(FIELDS) or "prompt" not in given:
        raise ValueError(f"the request must be an object with prompt and, if wanted, {', '.join(FIELDS[1:])}")
    if isinstance(given.get("tau"), str):
        if not (given["tau"].isascii() and given["tau"].isdigit() and len(given["tau"]) < 4):
            raise ValueError(f"tau is {given['tau'][:20]!r}; it must be 0 to {MOST_TAU}")
        given["tau"] = int(given["tau"])
    for name in ("prompt", "draft", "target", "bug"):
        if not isinstance(given.get(name, ""), str):
            raise TypeError(f"{name} is {type(given[name]).__name__}; it must be a text")
        if any("\ud800" <= letter <= "\udfff" for letter in given.get(name, "")):
            raise ValueError(f"{name} has half a character in it")
    return Asked(**given)


class Server(ThreadingHTTPServer):
    """The server with its one page; a connection beyond MOST_REQUESTS is closed at once."""

    daemon_threads = True

    def __init__(self, port: int, markup: str, noise: tuple[int, float, float] | None = None):
        """noise: seed, temperature and nucleus of every decode, None for greedy ones."""
        super().__init__(("127.0.0.1", port), Handler)
        self.markup = markup.encode("utf-8")
        self.noise = noise
        self.decoding = Lock()
        self.places = BoundedSemaphore(MOST_REQUESTS)

    def process_request(self, request, client_address):
        """Take the connection if there is a place for it."""
        if self.places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address):
        """Answer, then give the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.places.release()

    def handle_error(self, request, client_address):
        """A connection that broke is nobody's business here."""


class Handler(BaseHTTPRequestHandler):
    """GET / is the page; POST /run decodes and answers with the data of a show, or with {"error": a sentence}."""

    timeout = PATIENCE
    server_version, sys_version = "minispec", ""

    def do_GET(self):
        """The page."""
        if not self.is_from_here():
            self.answer(403, b"only pages of this server are answered", "text/plain")
        elif self.path != "/":
            self.answer(404, b"there is only /", "text/plain")
        else:
            self.answer(200, self.server.markup, "text/html; charset=utf-8")

    def do_POST(self):
        """One decode."""
        length = self.headers.get("Content-Length", "")
        if not self.is_from_here():
            self.refuse(403, "only pages of this server are answered")
        elif self.path != "/run":
            self.refuse(404, "there is only /run")
        elif self.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            self.refuse(415, "the request must be application/json")
        elif not (length.isascii() and length.isdigit() and len(length) < 9) or "Transfer-Encoding" in self.headers:
            self.refuse(411, "the request must say its length")
        elif int(length) > MOST_BYTES:
            self.refuse(413, f"the request has {length} bytes; it must have at most {MOST_BYTES}")
        elif not self.server.decoding.acquire(blocking=False):
            self.refuse(503, "another sentence is being decoded: try again")
        else:
            self.reply(int(length))

    def reply(self, length: int) -> None:
        """Answer with a show, or with what is wrong."""
        try:
            shown = self.decoded(length)
        except (ValueError, TypeError) as problem:
            return self.refuse(400, str(problem))
        written = json.dumps(shown.data, allow_nan=False, separators=(",", ":"))
        return self.answer(200, written.encode("ascii"), "application/json")

    def decoded(self, length: int):
        """The show of one sentence; then the next may come, also right behind the answer."""
        try:
            body = self.rfile.read(length)
            return decode_for_page(replace(read_asked(body), noise=self.server.noise))
        finally:
            self.server.decoding.release()

    def is_from_here(self) -> bool:
        """Whether the request names this server, and comes from a page of it or from no page: another site's page that
        reaches this machine, by its name or by a name that it gave to 127.0.0.1, has another Host or Origin."""
        names = [f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")]
        hosts, origins = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        return len(hosts) == 1 and hosts[0] in names and (not origins or origins == [f"http://{hosts[0]}"])

    def refuse(self, status: int, sentence: str) -> None:
        """An error that the page shows."""
        self.answer(status, json.dumps({"error": sentence}).encode("ascii"), "application/json")

    def answer(self, status: int, body: bytes, kind: str) -> None:
        """One whole answer, kept by nobody."""
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
                            ("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", POLICY),
                            ("Referrer-Policy", "no-referrer")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        """Nothing is written."""
