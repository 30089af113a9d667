#!/usr/bin/env python3
"""A receiver of Dari's agent webhooks in one file, with nothing but Python's standard library.

    DARI_WEBHOOK_SECRET=whsec_… DARI_API_KEY=… python3 receiver.py --listen 127.0.0.1:8080

It accepts a delivery only if it is authentic and fresh, processes it once however often it arrives, and answers 2xx only
after it was processed, so that the platform's retries make up for every failure. To make it yours, replace `run_tool`
and `take_note`.
"""

import argparse
import hashlib
import hmac
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Several secrets are accepted at once, so that a rotation refuses nothing: DARI_WEBHOOK_SECRET may hold a list separated
# by commas or line breaks, and DARI_WEBHOOK_SECOND_SECRET one more. An empty secret would let everyone in.
SECRETS = [
    secret.strip().encode()
    for name in ("DARI_WEBHOOK_SECRET", "DARI_WEBHOOK_SECOND_SECRET")
    for secret in re.split("[,\n]", os.environ.get(name, ""))
    if secret.strip()
]
API_KEY = os.environ.get("DARI_API_KEY", "")
API_URL = os.environ.get("DARI_API_URL", "https://api.dari.dev")

PATH = os.environ.get("DARI_WEBHOOK_PATH", "/hooks/dari")  # where deliveries come to, and nowhere else
WINDOW = 300  # seconds that a signature is good for, in both directions
MAX_BODY = 5 * 1024 * 1024
MAX_HEADER = 4096
MAX_SIGNATURES = 16
MAX_REMEMBERED = 100_000
SUBMIT_TIMEOUT = 8  # seconds; below the ten after which the platform gives an attempt up


class Refusal(Exception):
    """A request that is not accepted, and the status that says so."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


# ---- Is it authentic and fresh? ------------------------------------------------------------------------------------


def verify(headers, body):
    """Raises a Refusal unless one of the header's v1 signatures belongs to these bytes under one of the secrets."""
    timestamp, signatures = read_signature(headers)
    if abs(time.time() - int(timestamp)) > WINDOW:
        raise Refusal(401, "the timestamp is too old, or in the future")

    # What is signed is the timestamp as it is written, a full stop, and the raw body: never JSON that was parsed before.
    content = timestamp.encode() + b"." + body
    for secret in SECRETS:
        expected = hmac.new(secret, content, hashlib.sha256).hexdigest()
        if any(hmac.compare_digest(expected, signature) for signature in signatures):
            return
    raise Refusal(401, "no signature matches")


def read_signature(headers):
    """Reads "t=<seconds>,v1=<hex>,…"; the timestamp may stand in a header of its own instead, or as well."""
    header = only(headers, "Dari-Webhook-Signature")
    if not header:
        raise Refusal(401, "there is no signature")
    if len(header) > MAX_HEADER:
        raise Refusal(401, "the signature header is too long")

    stamps, signatures = [], []
    for item in header.split(","):
        parts = re.fullmatch("([A-Za-z0-9_-]+)=([!-~]+)", item)
        if not parts:
            raise Refusal(401, "the signature header is malformed")
        tag, value = parts.groups()
        if tag == "t":
            stamps.append(value)
        elif tag == "v1":
            if not re.fullmatch("[0-9a-f]{64}", value):
                raise Refusal(401, "a signature is malformed")
            signatures.append(value)
        # Any other tag is a version that this receiver does not know, and says nothing.
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise Refusal(401, "there is no v1 signature, or there are too many")

    own = only(headers, "Dari-Webhook-Timestamp")
    if len(stamps) > 1 or own is not None and own not in (stamps or [own]):
        raise Refusal(401, "there are two timestamps")
    timestamp = stamps[0] if stamps else own or ""
    if not re.fullmatch("0|[1-9][0-9]{0,11}", timestamp):
        raise Refusal(401, "there is no timestamp in whole seconds")
    return timestamp, signatures


def only(headers, name):
    """The value of a header that may be given once at most, or None."""
    values = headers.get_all(name, [])
    if len(values) > 1:
        raise Refusal(401, "a header is given twice")
    return values[0] if values else None


# ---- Is it new? ----------------------------------------------------------------------------------------------------

# The ids of what was processed, oldest first, and of what is under way. A receiver that runs in several processes, or must
# not repeat work after a restart, keeps them in its database instead, under a unique key.
processed = {}
under_way = set()
turn = threading.Condition()


def once(event_id, work):
    """Does the work unless a copy of the delivery has done it. A copy waits for the one under way, and takes over if it fails."""
    with turn:
        while event_id in under_way:
            turn.wait()
        if event_id in processed:
            return
        under_way.add(event_id)
    success = False
    try:
        work()
        success = True
    finally:
        with turn:
            under_way.discard(event_id)
            if success:  # after the work and never before, or a failure would look like a success to the retry
                processed[event_id] = True
                if len(processed) > MAX_REMEMBERED:
                    del processed[next(iter(processed))]
            turn.notify_all()


# ---- What does it ask for? -----------------------------------------------------------------------------------------


def handle(event):
    """Processes one event. Deliveries may come in any order, and types that are not known here are fine."""
    if event.get("type") == "tool.call_requested":
        answer_tool_call(event["data"])
    else:
        take_note(event)


def answer_tool_call(call):
    """Runs the tool and posts its result."""
    result = {
        "type": "tool.result_submitted",
        "message_id": call["message_id"],
        "tool_call_id": call["tool_call_id"],
    }
    try:
        result |= {"is_error": False, "result": run_tool(call.get("tool_name"), call.get("arguments"))}
    except Exception as error:  # whatever goes wrong in a tool is the tool's result
        result |= {"is_error": True, "result": {"error": str(error)}}
    request = urllib.request.Request(
        urllib.parse.urljoin(API_URL, call["submit_url"]),
        data=json.dumps(result).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {API_KEY}"},
    )
    try:
        api.open(request, timeout=SUBMIT_TIMEOUT).close()
    except urllib.error.HTTPError as error:
        # 409: the platform has a result already, as after an attempt whose answer was lost. That is what was wanted.
        with error:
            if error.code != 409:
                raise


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key is meant for the URL that was signed, and for no other."""

    def redirect_request(self, *_):
        return None


api = urllib.request.build_opener(NoRedirect)


def run_tool(name, arguments):
    """Your tools. This one says what it was asked."""
    return {"tool": name, "arguments": arguments}


def take_note(event):
    """Your reaction to everything else: the end of a session, of a batch, and whatever the platform will think of."""
    print(event.get("type"), event["id"], file=sys.stderr)


# ---- HTTP ----------------------------------------------------------------------------------------------------------


class Receiver(BaseHTTPRequestHandler):
    """Answers one connection's requests, on a thread of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 5  # seconds that a connection may be silent; stopping waits for them

    def do_POST(self):
        try:
            if self.path.split("?")[0] != PATH:
                raise Refusal(404, "deliveries come to another path")
            body = self.read_body()
            verify(self.headers, body)
            event = read_event(body)
            # The id comes from the signed body. A header may say another, but nobody has signed that.
            once(event["id"], lambda: handle(event))
            self.answer(200)
        except Refusal as refusal:
            self.answer(refusal.status, str(refusal))
        except Exception as error:
            self.answer(503, repr(error))  # not processed, please send it again

    def read_body(self):
        """Reads the raw bytes, whether their length is declared or they come in chunks (RFC 9112 section 7.1)."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self.read_chunks()
        declared = self.headers.get("Content-Length", "0")
        if not re.fullmatch("[0-9]{1,12}", declared):
            raise Refusal(400, "the length is not a number")
        return self.read_exactly(int(declared))

    def read_chunks(self):
        body = b""
        while size := self.chunk_size():
            body += self.read_exactly(size, len(body))
            self.rfile.readline(3)  # the line break after the chunk
        while self.rfile.readline(MAX_HEADER).strip():
            pass  # trailers
        return body

    def chunk_size(self):
        line = self.rfile.readline(MAX_HEADER).split(b";")[0].strip()
        if not re.fullmatch(b"[0-9a-fA-F]{1,8}", line):
            raise Refusal(400, "a chunk is malformed")
        return int(line, 16)

    def read_exactly(self, size, before=0):
        if before + size > MAX_BODY:
            self.drop(min(size, 4 * MAX_BODY))
            raise Refusal(413, "the body is too large")
        part = self.rfile.read(size)
        if len(part) < size:
            raise Refusal(400, "the body ended early")
        return part

    def drop(self, size):
        """Reads bytes and forgets them: who is still writing would not read the answer."""
        while size > 0 and (part := self.rfile.read(min(size, 65536))):
            size -= len(part)

    def refuse_method(self):
        self.answer(405, "deliveries are sent with POST")

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse_method

    def answer(self, status, reason=""):
        if reason:
            print(status, reason, file=sys.stderr)
        self.send_response(status)
        if status == 405:
            self.send_header("Allow", "POST")
        if status in (400, 404, 405, 413):  # some of the body may be unread
            self.send_header("Connection", "close")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, *_):
        pass


def read_event(body):
    """Reads the event of a body that is known to be authentic."""
    try:
        event = json.loads(body)
    except ValueError:
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not event["id"]:
        raise Refusal(400, "the event has no id")
    return event


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False  # what is being processed when the receiver is told to stop is finished first


def main():
    parser = argparse.ArgumentParser(description="Receives Dari's agent webhooks.")
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:" + os.environ.get("PORT", "8080"))
    host, _, port = parser.parse_args().listen.rpartition(":")
    if not port.isdecimal():
        parser.error("--listen wants host:port")
    if not SECRETS:
        parser.error("DARI_WEBHOOK_SECRET is not set; without it nobody could be told from the platform")
    try:
        server = Server((host.strip("[]"), int(port)), Receiver)
    except OSError as error:
        parser.error(f"cannot listen: {error}")
    print(json.dumps({"url": "http://%s:%d" % server.server_address[:2]}), flush=True)

    # shutdown waits for the loop to end, so that it must not be called on the loop's own thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
