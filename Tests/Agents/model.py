#!/usr/bin/env python3
"""A model that real agents can be run against, offline: it speaks the protocols of Anthropic (/v1/messages) and of OpenAI
(/v1/chat/completions, /v1/responses), streamed or not, on a port of its own on loopback.

It prints {"port": N} as its first line, and ends when its standard input ends. What it answers is chosen by a word in the
last thing that a user said:

  TOOLPLEASE   one shell tool call, `echo hi-from-tool`, and then the text
  SLEEPTOOL    a tool call that sleeps for five minutes, in a session of its own as well
  BIGMEM       a tool call that takes 400 MB, and no more
  SLOWPLEASE   a word, and one more every two seconds, for ever
  ERR400 …     that HTTP status
  (none)       the text: "Hello from fake model."

Every answer says that it took 42 tokens in and 7 out.
"""

import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "Hello from fake model."
INPUT_TOKENS, OUTPUT_TOKENS = 42, 7
SECONDS_BETWEEN_WORDS = 2
COMMANDS = {
    "TOOLPLEASE": "echo hi-from-tool",
    "SLEEPTOOL": "setsid sleep 301 & sleep 300",
    # tail keeps a line without an end in memory, and then nobody reads what it has to say.
    "BIGMEM": "head -c 400000000 /dev/zero | tail | sleep 60",
}


class Answer:
    """What the model says to a conversation: a text, a tool call, words without end, or an HTTP error."""

    def __init__(self, said, had_tool, tools):
        error = re.search(r"\bERR(\d{3})\b", said)
        self.error = int(error.group(1)) if error else None
        word = next((word for word in COMMANDS if word in said), None)
        self.tool = shell_call(tools, COMMANDS[word]) if word and not had_tool else None
        self.is_slow = "SLOWPLEASE" in said

    def pieces(self):
        if not self.is_slow:
            yield from re.findall(r"\S+\s*", TEXT)
            return
        yield "Hello "
        while True:
            time.sleep(SECONDS_BETWEEN_WORDS)
            yield "again "


def shell_call(tools, command):
    """The name and arguments by which an agent's own tool runs a command, by what its schema says it takes."""
    for name, schema in tools:
        if not re.search(r"bash|shell|exec_command", name, re.I):
            continue
        properties = schema.get("properties", {})
        for key in ("command", "cmd"):
            if key in properties:
                is_list = properties[key].get("type") == "array"
                return name, {key: ["bash", "-lc", command] if is_list else command}
    return None


def text_of(content):
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content or [] if isinstance(part, dict))


class Anthropic:
    def answer(self, request):
        users = [message for message in request.get("messages", []) if message.get("role") == "user"]
        content = users[-1]["content"] if users else ""
        had_tool = not isinstance(content, str) and any(part.get("type") == "tool_result" for part in content)
        tools = [(tool.get("name", ""), tool.get("input_schema", {})) for tool in request.get("tools") or []]
        return Answer("" if had_tool else text_of(content), had_tool, tools)

    def error(self, status):
        kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": f"fake error {status}"}}

    def message(self, request, content, reason):
        return {
            "id": "msg_fake_01", "type": "message", "role": "assistant", "model": request.get("model", "fake"),
            "content": content, "stop_reason": reason, "stop_sequence": None,
            "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS},
        }

    def whole(self, request, answer):
        if answer.tool:
            name, arguments = answer.tool
            block = {"type": "tool_use", "id": "toolu_fake_01", "name": name, "input": arguments}
            return self.message(request, [block], "tool_use")
        return self.message(request, [{"type": "text", "text": TEXT}], "end_turn")

    def stream(self, request, answer):
        def event(kind, **members):
            return kind, {"type": kind, **members}

        yield event("message_start", message=self.message(request, [], None))
        if answer.tool:
            name, arguments = answer.tool
            block = {"type": "tool_use", "id": "toolu_fake_01", "name": name, "input": {}}
            yield event("content_block_start", index=0, content_block=block)
            delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
            yield event("content_block_delta", index=0, delta=delta)
        else:
            yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            for piece in answer.pieces():
                yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
        yield event("content_block_stop", index=0)
        reason = "tool_use" if answer.tool else "end_turn"
        usage = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
        yield event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage)
        yield event("message_stop")


class OpenAI:
    def error(self, status):
        return {"error": {"message": f"fake error {status}", "type": "fake_error", "param": None, "code": None}}


class Chat(OpenAI):
    USAGE = {
        "prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS,
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }

    def answer(self, request):
        messages = request.get("messages", [])
        had_tool = bool(messages) and messages[-1].get("role") == "tool"
        users = [message for message in messages if message.get("role") == "user"]
        tools = [
            (tool["function"].get("name", ""), tool["function"].get("parameters") or {})
            for tool in request.get("tools") or [] if "function" in tool
        ]
        said = "" if had_tool or not users else text_of(users[-1].get("content"))
        return Answer(said, had_tool, tools)

    def calls(self, answer):
        name, arguments = answer.tool
        function = {"name": name, "arguments": json.dumps(arguments)}
        return [{"index": 0, "id": "call_fake_01", "type": "function", "function": function}]

    def frame(self, request, kind, **choice):
        return {
            "id": "chatcmpl-fake-01", "object": kind, "created": int(time.time()), "model": request.get("model", "fake"),
            "choices": [{"index": 0, **choice}],
        }

    def whole(self, request, answer):
        message = {"role": "assistant", "content": None if answer.tool else TEXT}
        if answer.tool:
            message["tool_calls"] = self.calls(answer)
        reason = "tool_calls" if answer.tool else "stop"
        return {**self.frame(request, "chat.completion", message=message, finish_reason=reason), "usage": self.USAGE}

    def stream(self, request, answer):
        def chunk(delta, reason=None):
            return None, self.frame(request, "chat.completion.chunk", delta=delta, finish_reason=reason)

        yield chunk({"role": "assistant", "content": ""})
        if answer.tool:
            yield chunk({"tool_calls": self.calls(answer)})
        else:
            for piece in answer.pieces():
                yield chunk({"content": piece})
        yield chunk({}, "tool_calls" if answer.tool else "stop")
        yield None, {**self.frame(request, "chat.completion.chunk"), "choices": [], "usage": self.USAGE}
        yield None, "[DONE]"


class Responses(OpenAI):
    def answer(self, request):
        items = request.get("input") or []
        if isinstance(items, str):
            items = [{"role": "user", "content": items}]
        had_tool = bool(items) and str(items[-1].get("type", "")).endswith("_call_output")
        users = [item for item in items if item.get("role") == "user"]
        tools = [(tool.get("name", ""), tool.get("parameters") or {}) for tool in request.get("tools") or []]
        said = "" if had_tool or not users else text_of(users[-1].get("content"))
        return Answer(said, had_tool, tools)

    def item(self, answer):
        if answer.tool:
            name, arguments = answer.tool
            return {
                "type": "function_call", "id": "fc_fake_01", "call_id": "call_fake_01", "name": name,
                "arguments": json.dumps(arguments), "status": "completed",
            }
        content = [{"type": "output_text", "text": TEXT, "annotations": []}]
        return {"type": "message", "id": "msg_fake_01", "role": "assistant", "status": "completed", "content": content}

    def response(self, request, output, status):
        usage = {
            "input_tokens": INPUT_TOKENS, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        }
        return {
            "id": "resp_fake_01", "object": "response", "created_at": int(time.time()), "status": status,
            "model": request.get("model", "fake"), "output": output, "usage": usage if output else None,
        }

    def whole(self, request, answer):
        return self.response(request, [self.item(answer)], "completed")

    def stream(self, request, answer):
        def event(kind, **members):
            return kind, {"type": kind, **members}

        yield event("response.created", response=self.response(request, [], "in_progress"))
        item = self.item(answer)
        if not answer.tool:
            begun = {**item, "content": [], "status": "in_progress"}
            yield event("response.output_item.added", output_index=0, item=begun)
            for piece in answer.pieces():
                yield event(
                    "response.output_text.delta", item_id=item["id"], output_index=0, content_index=0, delta=piece)
        yield event("response.output_item.done", output_index=0, item=item)
        yield event("response.completed", response=self.response(request, [item], "completed"))


PROTOCOLS = {"/v1/messages": Anthropic(), "/v1/chat/completions": Chat(), "/v1/responses": Responses()}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.reply(200, {})

    def do_GET(self):
        model = {"id": "fake", "object": "model", "created": 0, "owned_by": "fake"}
        is_models = self.path.split("?")[0] == "/v1/models"
        self.reply(200 if is_models else 404, {"object": "list", "data": [model]} if is_models else {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        if path == "/v1/messages/count_tokens":
            return self.reply(200, {"input_tokens": INPUT_TOKENS})
        protocol = PROTOCOLS.get(path)
        if protocol is None:
            return self.reply(404, {"error": {"message": f"no {path} here"}})
        request = json.loads(body)
        answer = protocol.answer(request)
        if answer.error:
            return self.reply(answer.error, protocol.error(answer.error))
        if not request.get("stream"):
            return self.reply(200, protocol.whole(request, answer))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end()
        for kind, data in protocol.stream(request, answer):
            name = f"event: {kind}\n" if kind else ""
            text = data if isinstance(data, str) else json.dumps(data)
            self.wfile.write(f"{name}data: {text}\n\n".encode())
            self.wfile.flush()

    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end()
        if self.command != "HEAD":
            self.wfile.write(body)

    def end(self):
        # What ends with the connection needs no other mark of its end.
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, form, *arguments):
        if os.environ.get("MODEL_LOG"):
            with open(os.environ["MODEL_LOG"], "a") as log:
                log.write(form % arguments + "\n")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        # An agent that is ended in the middle of an answer is what some tests are about.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, address)


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    while sys.stdin.buffer.read(4096):
        pass


main()
