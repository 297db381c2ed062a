"""Sums up what libCounts.so printed of a thread: how often each place in Sources allocates, in each of so many turns.

python3 sites.py [TURNS] < what the program wrote to stderr

Needs llvm-symbolizer and swift-demangle, which come with the Swift toolchain, in the PATH.
"""

import collections
import json
import os
import subprocess
import sys

PLACES = 60  # that are listed
CALLERS = 6  # that are named with each

sources = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Sources")
# Each file with its module.
own = {name: os.path.basename(folder) for folder, _, names in os.walk(sources) for name in names}


def symbolize(program, offsets):
    """What stands at these offsets, with what was inlined there, innermost first: (function, file, line)."""
    # A return address is that of the next instruction.
    text = "".join("%#x\n" % (offset - 1) for offset in offsets)
    command = ["llvm-symbolizer", "--obj=" + program, "--output-style=JSON"]
    told = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    frames = [json.loads(line).get("Symbol", []) for line in told.splitlines()]
    names = "\n".join(frame["FunctionName"] or "?" for found in frames for frame in found)
    names = subprocess.run(
        ["swift-demangle", "--simplified"], input=names, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    names = iter(names)
    return [
        [(next(names), os.path.basename(frame["FileName"]), frame["Line"]) for frame in found] for found in frames
    ]


def main():
    turns = float(sys.argv[1]) if len(sys.argv) > 1 else 1
    stacks = collections.Counter()
    sizes = collections.Counter()
    for line in sys.stdin:
        words = line.split()
        if len(words) > 2 and words[0] == "allocated":
            stacks[tuple(words[2:])] += 1
            sizes[tuple(words[2:])] += int(words[1])
    wanted = collections.defaultdict(set)
    for stack in stacks:
        for frame in stack:
            program, _, offset = frame.rpartition("+")
            wanted[program].add(int(offset, 16))
    known = {}
    for program, offsets in wanted.items():
        offsets = sorted(offsets)
        for offset, frames in zip(offsets, symbolize(program, offsets)):
            known["%s+%#x" % (program, offset)] = frames
    places = collections.Counter()
    files = collections.Counter()
    modules = collections.Counter()
    bytes_at = collections.Counter()
    for stack, count in stacks.items():
        frames = [frame for address in stack for frame in known[address]]
        mine = [frame for frame in frames if frame[1] in own]
        # What was called for it, of the runtime or of a library: the outermost, whatever that does by itself.
        others = frames[: frames.index(mine[0])] if mine else frames
        what = others[-1][0] if others else "?"
        callers = []
        for name, file, number in mine:
            text = "%s:%d %s" % (file, number, name)
            # Line 0 is glue that the compiler has made.
            if number != 0 and text not in callers:
                callers.append(text)
        place = (what[:60], *callers[:CALLERS])
        places[place] += count
        file = mine[0][1] if mine else "none"
        files[file] += count
        modules[own.get(file, "none")] += count
        bytes_at[place] += sizes[stack]
    total = sum(stacks.values())
    print("%.1f allocations, %.0f bytes in each of %g turns" % (total / turns, sum(sizes.values()) / turns, turns))
    for place, count in places.most_common(PLACES):
        print("%8.2f %8.0f bytes  %s" % (count / turns, bytes_at[place] / turns, place[0]))
        for caller in place[1:]:
            print("                           %s" % caller)
    for title, sums in [("module", modules), ("file", files)]:
        print("by %s:" % title)
        for name, count in sums.most_common():
            print("%8.2f  %s" % (count / turns, name))


main()
