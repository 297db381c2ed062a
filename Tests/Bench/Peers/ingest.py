# ingest.py parse|record LINES K AGENT WORD FOLDER: the work of ingest.js, with asyncio; seconds.
import asyncio
import json
import os
import sys
import time

what, lines, agents = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
agent, word, folder = sys.argv[4:]
null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE


def write_all(file, data):
    data = memoryview(data)
    while data:
        data = data[os.write(file, data):]


async def read(number):
    record = what == "record"
    file = os.open(f"{folder}/python-{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) if record else None
    child = await asyncio.create_subprocess_exec(
        agent, word, str(lines), stdin=null, stdout=pipe, stderr=null, limit=1 << 18)
    seen, rest = 0, b""
    while chunk := await child.stdout.read(1 << 18):
        parts = (rest + chunk).split(b"\n")
        rest = parts.pop()
        for line in parts:
            if json.loads(line)["type"]:
                seen += 1
        if record:
            write_all(file, chunk)
            write_all(1, b"\n".join(parts) + b"\n")
    await child.wait()
    return seen


async def main():
    begin = time.monotonic()
    seen = sum(await asyncio.gather(*(read(number) for number in range(agents))))
    if seen != lines * agents:
        sys.exit(f"{seen} lines")
    print(time.monotonic() - begin)


asyncio.run(main())
