#!/usr/bin/env python3
"""Runs a plugin through `reeve serve` and prints what the agent says: python.py PLUGIN PROMPT

Needs nothing but Python 3.8. Ctrl-C cancels the run. Exits with 0 if it succeeded, else with 1.
"""

import json
import os
import signal
import subprocess
import sys


class Client:
    """A host of our own: it ends when its stdin is closed, which is also what happens when we die."""

    def __init__(self):
        # In a session of its own, Ctrl-C on our terminal does not reach it: cancelling is for us to do.
        self.host = subprocess.Popen([os.environ.get("REEVE", "reeve"), "serve"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True)
        self.calls = 0

    def send(self, method, **params):
        """Calls a method without waiting for the answer; returns the id that the answer will have."""
        self.calls += 1
        message = {"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params}
        print(json.dumps(message), file=self.host.stdin, flush=True)
        return self.calls

    def messages(self):
        """Answers and notifications as they come, one a line."""
        return map(json.loads, self.host.stdout)


def main(plugin, prompt):
    client, calls, streamed = Client(), {}, ""
    # A signal that comes before there is a run to cancel waits for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    calls["start"] = client.send("run/start", plugin=plugin, prompt=prompt, cwd=os.getcwd(), subscribe=True)

    for message in client.messages():
        params = message.get("params")
        if "error" in message:
            return message["error"]["message"]
        if message.get("method") == "run/appended":
            for event in params["events"]:
                if isinstance(event, dict) and event.get("type") == "text":
                    streamed += event["text"]
                    print(event["text"], end="", flush=True)
            continue
        run = (params or message["result"])["run"]
        if message.get("id") == calls["start"]:
            signal.signal(signal.SIGINT, lambda *_: client.send("run/cancel", run=run["id"]))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        if run["settled"] and "get" not in calls:
            calls["get"] = client.send("run/get", run=run["id"])
        if message.get("id") == calls.get("get", -1):
            # The verdict does not wait for the stream, and an answer need not have been streamed at all.
            answer = run["text"] or ""
            print(answer[len(streamed):] if answer.startswith(streamed) else "\n" + answer)
            return None if run["status"] == "succeeded" else f"{run['status']}: {run['error'] or run['reason']}"
    return "the host has gone"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python.py PLUGIN PROMPT")
    try:
        # Words for a failure go to stderr, and the exit code is 1.
        sys.exit(main(*sys.argv[1:]))
    except OSError as problem:
        sys.exit(f"no host: {problem}")
