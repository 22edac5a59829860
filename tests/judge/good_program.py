"""A good integration, written with requests alone, in which `planted.py` plants faults.

It makes styles and articles, and an introduction for each style when its event comes.
"""

import base64
import email.utils
import hashlib
import hmac
import http.server
import json
import os
import random
import secrets
import sqlite3
import threading
import time
from pathlib import Path

import requests

URL = os.environ["RESONANCE_URL"]
FOLDER = Path(os.environ["RESONANCE_FOLDER"])
PORT = int(os.environ["RESONANCE_RECEIVER_PORT"])
CLIENT = (os.environ["RESONANCE_CLIENT_ID"], os.environ["RESONANCE_CLIENT_SECRET"])
STYLES = ("harbour", "library")

database = sqlite3.connect(FOLDER / "state.sqlite", check_same_thread=False)
database.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, style TEXT)")
lock = threading.Lock()
token_lock = threading.Lock()
token = None


def key_of(*parts):
    """A key made from what the call says: the same for each attempt, and after a kill."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def bearer(refused=None):
    """The token; a new one where there is none, or where the server has refused this one."""
    global token
    with token_lock:
        if token is None or token == refused:
            form = {"grant_type": "client_credentials"}
            token = attempts("POST", "/oauth/token", lambda: {"data": form, "auth": CLIENT})[
                "access_token"
            ]
        return token


def asked(response):
    """Seconds that the server asks to wait, by its own clock where it names a date."""
    text = response.headers.get("Retry-After", "")
    if text.endswith("GMT"):
        until = email.utils.parsedate_to_datetime(text)
        now = email.utils.parsedate_to_datetime(response.headers["Date"])
        return (until - now).total_seconds()
    return float(text or 0)


def attempt(method, path, arguments):
    """One attempt, bounded in all: the answer's JSON, or None and the wait that is asked for."""
    result = []

    def work():
        try:
            with requests.request(
                method, URL + path, timeout=4, allow_redirects=False, **arguments
            ) as response:
                result.append((response, json.loads(response.content)))
        except (requests.RequestException, ValueError) as error:
            result.append((getattr(error, "response", None), None))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(5)
    return result[0] if result else (None, None)


def attempts(method, path, arguments):
    """Attempts until one is answered for good."""
    pause = 0.3
    while True:
        given = arguments()
        response, answer = attempt(method, path, given)
        wait = 0.0
        if response is not None and isinstance(answer, dict):
            if response.ok or "exists" in answer.get("type", ""):
                return answer
            wait = asked(response)
            if response.status_code == 401:
                bearer(refused=given["headers"]["Authorization"].removeprefix("Bearer "))
        time.sleep(max(wait, pause * random.uniform(0.8, 1)))
        pause = min(pause * 2, 5)


def call(method, path, body=None, key=None):
    """A call with its credential and its key."""

    def arguments():
        sent = {"Authorization": f"Bearer {bearer()}"}
        if method == "POST":
            sent["Idempotency-Key"] = key
        return {"json": body, "headers": sent}

    return attempts(method, path, arguments)


def post(path, body):
    return call("POST", path, body, key_of(path, body))


def verified(headers, body):
    """Whether the server has sent this, and just now."""
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs(time.time() - int(stamp)) > 300:
        return False
    content = f"{identity}.{stamp}.".encode() + body
    digest = hmac.new(base64.b64decode(SECRET[6:]), content, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected, one) for one in given)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not verified(self.headers, body):
            return self.answer(400)
        event = json.loads(body)
        with lock:
            known = database.execute(
                "SELECT 1 FROM seen WHERE id = ?", (self.headers["webhook-id"],)
            ).fetchone()
            if known:
                return self.answer(200)
            self.work(event)
            return self.answer(200)

    def work(self, event):
        name = event["data"]["profile_name"]
        post("/hr_generate", {"prompt": f"Introducing {name}"})
        with database:
            database.execute("INSERT INTO seen VALUES (?, ?)", (self.headers["webhook-id"], name))

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def signing_secret():
    """The same at each start."""
    path = FOLDER / "secret"
    if not path.exists():
        made = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        path.with_suffix(".new").write_text(made)
        path.with_suffix(".new").replace(path)
    return path.read_text()


SECRET = signing_secret()
server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()

hook = f"http://127.0.0.1:{PORT}/hook"
post("/webhooks", {"url": hook, "events": ["profile.created"], "secret": SECRET})
for name in STYLES:
    post("/profiles", {"tenant": "acme_corp", "profile_name": name, "hrv_vector": [0.5] * 8})
for name in STYLES:
    post("/hr_generate", {"prompt": f"A story of the {name}", "profile_name": name})
until = time.monotonic() + 30
while True:
    with lock:
        introduced = database.execute("SELECT count(DISTINCT style) FROM seen").fetchone()[0]
    if introduced == len(STYLES):
        break
    if time.monotonic() > until:
        raise SystemExit("an event has not come")
    time.sleep(0.05)
print("all is written")
