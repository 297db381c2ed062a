# circusd.py FOLDER COUNT: whole lives of /bin/true under circusd with its defaults; runs a second.
import os
import subprocess
import sys
import time

from circus.client import CircusClient

folder, count = sys.argv[1], int(sys.argv[2])
endpoint = f"ipc://{folder}/circus"
configuration = f"{folder}/circus.ini"
with open(configuration, "w") as file:
    file.write(f"[circus]\nendpoint = {endpoint}\npubsub_endpoint = {endpoint}-events\n")
daemon = subprocess.Popen(
    [os.path.join(os.path.dirname(sys.executable), "circusd"), configuration],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    client = CircusClient(endpoint=endpoint, timeout=60)
    deadline = time.monotonic() + 30
    while not os.path.exists(f"{folder}/circus"):
        if daemon.poll() is not None or time.monotonic() > deadline:
            sys.exit("circusd does not answer")
        time.sleep(0.01)
    client.call({"command": "list", "properties": {}})
    begin = time.monotonic()
    for number in range(count):
        options = {"numprocesses": 1, "respawn": False}
        client.send_message("add", name=f"true-{number}", cmd="/bin/true", start=True, options=options, waiting=True)
    while True:
        statuses = client.send_message("status")["statuses"].values()
        if all(each == "stopped" for each in statuses):
            break
        if time.monotonic() > begin + 60:
            sys.exit(f"circusd does not notice: {sum(each == 'stopped' for each in statuses)} of {count} after 60 s")
        time.sleep(0.01)
    print(count / (time.monotonic() - begin))
finally:
    daemon.terminate()
    daemon.wait()
