# hold.py COUNT AGENT: holds so many quiet children with asyncio; see hold.js.
import asyncio
import sys

null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE


async def main():
    children = []
    for _ in range(int(sys.argv[1])):
        child = await asyncio.create_subprocess_exec(sys.argv[2], "quiet", stdin=null, stdout=pipe, stderr=pipe)
        await child.stdout.readline()
        children.append(child)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for child in children:
        child.kill()
        await child.wait()


asyncio.run(main())
