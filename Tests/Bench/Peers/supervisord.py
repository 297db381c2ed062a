# supervisord.py FOLDER COUNT one|group|hold [AGENT]: supervisord, asked over its socket.
#   one: lives of /bin/true, a call each, the next when the one before has ended; group: all of them by one call; both
#   print runs a second. hold: so many quiet children; prints its resident memory in bytes.
import os
import subprocess
import sys
import time
import xmlrpc.client

from supervisor.xmlrpc import SupervisorTransport

folder, count, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
command = f"{sys.argv[4]} quiet" if how == "hold" else "/bin/true"
configuration = f"{folder}/supervisord.conf"
with open(configuration, "w") as file:
    file.write(f"""
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={folder}/pid
childlogdir={folder}
minprocs={count + 10}
minfds={4 * count + 200}
user=root
[unix_http_server]
file={folder}/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
""")
    if count > 0:
        file.write(f"""
[program:true]
command={command}
process_name=%(process_num)d
numprocs={count}
autostart=false
autorestart=false
startsecs=0
stdout_logfile={"AUTO" if how == "hold" else "NONE"}
stderr_logfile={"AUTO" if how == "hold" else "NONE"}
""")
daemon = subprocess.Popen(
    ["/usr/bin/python3", "/usr/bin/supervisord", "-c", configuration],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    deadline = time.monotonic() + 20
    while not os.path.exists(f"{folder}/socket"):
        if daemon.poll() is not None or time.monotonic() > deadline:
            sys.exit("supervisord does not answer")
        time.sleep(0.01)
    transport = SupervisorTransport(None, None, f"unix://{folder}/socket")
    server = xmlrpc.client.ServerProxy("http://localhost", transport)
    if how == "hold":
        if count > 0:
            server.supervisor.startProcessGroup("true", True)
        server.supervisor.getAllProcessInfo()
        time.sleep(0.5)
        with open(f"/proc/{daemon.pid}/smaps_rollup") as file:
            print(1024 * int(next(line for line in file if line.startswith("Rss:")).split()[1]))
        sys.exit()
    begin = time.monotonic()
    if how == "one":
        for number in range(count):
            server.supervisor.startProcess(f"true:{number}", False)
            while server.supervisor.getProcessInfo(f"true:{number}")["statename"] != "EXITED":
                pass
    else:
        server.supervisor.startProcessGroup("true", True)
        while not all(each["statename"] == "EXITED" for each in server.supervisor.getAllProcessInfo()):
            time.sleep(0.01)
    print(count / (time.monotonic() - begin))
finally:
    daemon.terminate()
    daemon.wait()
