"""A server for one folder, on the loopback alone, with the headers that let a page stop its Python."""

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asks again, so that a page and its wheel are of one build
}
TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm", ".whl": "application/zip"}


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def server(folder: str | Path, *, port: int = 0) -> ThreadingHTTPServer:
    """A server of a folder on 127.0.0.1, whose `server_port` is a free one for port 0; `serve_forever` lets it answer.

    Raises NotADirectoryError where there is no such folder, OSError where the port is taken.
    """
    if not Path(folder).is_dir():
        raise NotADirectoryError(f"server: {folder} is no folder")
    try:
        made = ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(folder)))
    except OSError as error:
        raise OSError(error.errno, f"port {port} of {HOST} can't be used: {error.strerror}") from error
    made.daemon_threads = True
    return made


def serve(folder: str | Path, *, port: int = 0) -> None:
    """Serve a folder on the loopback until Ctrl-C, and print its address. Raises what `server` raises."""
    with server(folder, port=port) as made:
        print(f"serving {folder} at http://{HOST}:{made.server_port}/ (Ctrl-C ends)", flush=True)
        made.serve_forever()
