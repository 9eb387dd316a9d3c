"""A headless Chromium that the tests drive, by its DevTools protocol over two pipes: JSON that ends in a zero byte."""

import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AS_3_AND_4 = """  # the file descriptors that the browser reads and writes
import fcntl, os, sys
for number, end in enumerate([fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]], 3):
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""
KEYS = {
    "Tab": 9, "Enter": 13, "Escape": 27, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36, "ArrowLeft": 37,
    "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "F2": 113,
}  # fmt: skip
WORKERS = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}
PATIENCE = 60  # seconds for an answer, on a machine that does other things


class Browser:
    """One browser with one page, for which no host has an address but the loopback.

    `events` has what the page and its workers reported since they were last cleared.
    """

    def __init__(self, profile: Path) -> None:
        to_read, self.to = os.pipe()
        self.answers, to_write = os.pipe()
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
            "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-ISc", AS_3_AND_4, str(to_read), str(to_write), *command],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number, self.session = b"", 0, None
        self.address = ""
        self.events: list[dict[str, Any]] = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self) -> None:
        page = next(each for each in self.call("Target.getTargets")["targetInfos"] if each["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Target.setAutoAttach", **WORKERS)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of one command; RuntimeError where the browser refuses it."""
        number = self._send(self.session, method, parameters)
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _send(self, session: str | None, method: str, parameters: dict[str, Any]) -> int:
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data) :]
        return self.number

    def wait(self, method: str) -> None:
        """Go on when the browser has reported an event of that name."""
        while not any(event["method"] == method for event in self.events):
            self._note(self._read())

    def _note(self, message: dict[str, Any]) -> None:
        if "method" in message:  # and not the answer of a worker
            self.events.append(message)

    def _read(self) -> dict[str, Any]:
        limit = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(0, limit - time.monotonic()))
            data = os.read(self.answers, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError("the browser has closed its pipe" if ready else "the browser doesn't answer")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        if message.get("method") == "Target.attachedToTarget" and self.session is not None:
            worker = message["params"]["sessionId"]  # which waits until its requests are reported, and its workers'
            self._send(worker, "Network.enable", {})
            self._send(worker, "Target.setAutoAttach", WORKERS)
            self._send(worker, "Runtime.runIfWaitingForDebugger", {})
        return message

    def open(self, page: Path | str, fragment: str = "") -> None:
        """Load a file, or a page by its address, anew, and wait until it stands."""
        address = page if isinstance(page, str) else page.as_uri()
        again = ["about:blank"] if address == self.address else []  # where only the fragment differs nothing is loaded
        for url in (*again, address + fragment):
            self.events.clear()
            self.call("Page.navigate", url=url)
            self.wait("Page.loadEventFired")
        self.address = address

    def asked(self) -> list[str]:
        """The addresses that the page and its workers have asked for, as far as `events` go back."""
        reported = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in reported]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; RuntimeError where it throws."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press a key and let it go."""
        names = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": modifiers}
        text = {"Enter": "\r"}.get(key) if not modifiers else None
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **down, **names)
        self.call("Input.dispatchKeyEvent", type="keyUp", **names)

    def type(self, text: str) -> None:
        """Type characters, each a key that is pressed and let go."""
        for character in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", key=character, text=character)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=character)

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        middle = (
            "((box) => [box.x + box.width / 2, box.y + box.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        x, y = self.evaluate(middle)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def resize(self, width: int, height: int) -> None:
        """The page's size in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def scheme(self, name: str) -> None:
        """Prefer "light" or "dark"."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def close(self) -> None:
        """End the browser, by its own command where it still listens."""
        self.session = None
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.answers)
