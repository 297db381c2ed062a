# spawn.py COUNT K: whole lives of /bin/true by asyncio, K in flight; runs a second.
import asyncio
import sys
import time

count, in_flight = int(sys.argv[1]), int(sys.argv[2])
null = asyncio.subprocess.DEVNULL


async def lane(rest):
    while rest:
        rest.pop()
        child = await asyncio.create_subprocess_exec("/bin/true", stdin=null, stdout=null, stderr=null)
        if await child.wait() != 0:
            sys.exit("a child failed")


async def main():
    rest = list(range(count))
    begin = time.monotonic()
    await asyncio.gather(*(lane(rest) for _ in range(in_flight)))
    print(count / (time.monotonic() - begin))


asyncio.run(main())
