# latency.py exit|final|first COUNT AGENT [FILE]: microseconds, median, with asyncio; see latency.js.
import asyncio
import json
import statistics
import sys
import time

what, count, agent = sys.argv[1], int(sys.argv[2]), sys.argv[3]
null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE


async def sample():
    begin = time.monotonic_ns()
    if what == "exit":
        child = await asyncio.create_subprocess_exec(
            agent, "stamp-exit", sys.argv[4], stdin=null, stdout=null, stderr=null)
        await child.wait()
        end = time.monotonic_ns()
        with open(sys.argv[4], "rb") as file:
            return end - int.from_bytes(file.read(8), "little")
    word = {"final": "final", "first": "hello"}[what]
    child = await asyncio.create_subprocess_exec(agent, word, stdin=null, stdout=pipe, stderr=null)
    event = json.loads(await child.stdout.readline())
    end = time.monotonic_ns()
    await child.wait()
    return end - (event["output"] if what == "final" else begin)


async def main():
    print(statistics.median([await sample() for _ in range(count)]) / 1000)


asyncio.run(main())
