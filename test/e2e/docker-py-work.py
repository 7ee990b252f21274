# Real work with docker-py against the cluster of the environment; the test beside it reads what this prints, one JSON
# object a line: {"step": …, "value": …}. An exception ends it with a trace and exit code 1.
import io
import json
import tarfile
import threading
import time

import docker
from docker.errors import APIError, ImageNotFound, NotFound


def told(step, value):
    print(json.dumps({"step": step, "value": value}), flush=True)


def run(image, command, **options):
    # What containers.run() does with remove=True loses output at times, at an engine alone too: it reads the log after the removal.
    container = client.containers.run(image, command, detach=True, **options)
    container.wait()
    output = container.logs()
    container.remove()
    return output


client = docker.from_env()
told("version", client.version()["ApiVersion"])
told("nodes", [line for line in client.info()["SystemStatus"] if line[0].strip() == "Nodes"][0][1])

# A second that nothing else happened in yet: `since` takes whole ones.
began = int(time.time()) + 1
time.sleep(began - time.time())
events = client.events(decode=True, filters={"event": ["start", "die"]})
seen = []


def watch():
    for event in events:
        seen.append((event["Action"], event["Actor"]["Attributes"]["node.name"]))


watcher = threading.Thread(target=watch, daemon=True)
watcher.start()

out = run("busybox", ["sh", "-c", "echo out; echo err >&2"])
told("run", sorted(out.decode().split()))

workers = [
    client.containers.run("busybox", ["sh", "-c", "i=0; while true; do echo line$i; i=$((i+1)); sleep 0.1; done"],
                          name="py%d" % number, detach=True, labels={"suite": "py"})
    for number in range(4)
]
told("spread", len({client.api.inspect_container(one.id)["Node"]["Name"] for one in workers}))
told("list", sorted(one.name.split("/")[-1] for one in client.containers.list(filters={"label": "suite=py"})))
first = workers[0]

stream = first.logs(stream=True, follow=True, timestamps=True)
told("logs -f", [next(stream).decode().split()[-1] for _ in range(3)])
stream.close()
told("logs tail", len(first.logs(tail=2).split()))

code, output = first.exec_run(["sh", "-c", "echo one; echo two >&2; exit 3"], demux=True)
told("exec", [code, output[0].decode(), output[1].decode()])
exec_id = client.api.exec_create(first.id, ["cat"], stdin=True)["Id"]
tunnel = client.api.exec_start(exec_id, socket=True)
raw = getattr(tunnel, "_sock", tunnel)
raw.sendall(b"typed\n")
frame = b""
while len(frame) < 14:
    frame += raw.recv(64)
told("exec socket", frame[8:14].decode())
tunnel.close()

archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w") as tar:
    entry = tarfile.TarInfo("note")
    entry.size = 5
    tar.addfile(entry, io.BytesIO(b"hello"))
told("put_archive", first.put_archive("/tmp", archive.getvalue()))
chunks, stat = first.get_archive("/tmp/note")
with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
    told("get_archive", [stat["name"], stat["size"], tar.extractfile("note").read().decode()])

told("stats", "cpu_stats" in first.stats(stream=False))
sample = first.stats(stream=True, decode=True)
told("stats -f", ["memory_stats" in next(sample) for _ in range(2)])
told("top", any("sleep" in " ".join(row) or "while" in " ".join(row) for row in first.top()["Processes"]))
told("diff", any(change["Path"] == "/tmp/note" for change in first.diff()))
first.rename("pyrenamed")
first.reload()
told("rename", first.name)
first.update(mem_limit="64m", memswap_limit="64m")
first.reload()
told("update", first.attrs["HostConfig"]["Memory"])
first.pause()
first.reload()
told("pause", first.status)
first.unpause()

image = first.commit("pycommit", "1")
told("commit", [tag for tag in client.images.get("pycommit:1").tags if tag.startswith("pycommit")])
told("run committed", run("pycommit:1", ["cat", "/tmp/note"]).decode())
client.images.remove("pycommit:1", force=True)

network = client.networks.create("pynet")
volume = client.volumes.create("pydata")
told("network", client.networks.get("pynet").name)
told("volume", [one.name for one in client.volumes.list(filters={"name": "pydata"})])
run("busybox", ["sh", "-c", "echo kept > /d/f"], volumes={"pydata": {"bind": "/d"}})
told("kept", run("busybox", ["cat", "/d/f"], volumes={"pydata": {"bind": "/d"}}).decode())
network.remove()
volume.remove()

ending = client.containers.create("busybox", ["sh", "-c", "sleep 1; exit 7"], name="pyend")
ending.start()
told("wait", ending.wait()["StatusCode"])
ending.remove()

for call, kind in (
    (lambda: client.containers.get("nobody"), NotFound),
    (lambda: client.images.get("nothing:1"), ImageNotFound),
    (lambda: client.containers.create("busybox", name="py1"), APIError),
    (lambda: client.api.logs("nobody"), NotFound),
):
    try:
        call()
        told("error", "none")
    except kind as error:
        told("error", [error.status_code, error.explanation.split(".")[0][:40]])

for worker in workers:
    worker.kill()
told("prune", len(client.containers.prune(filters={"label": ["suite=py"]})["ContainersDeleted"]))
told("left", len(client.containers.list(all=True)))
# Events come on another connection than the answers; a moment later they are all there.
deadline = time.time() + 10
while len([one for one in seen if one[0] == "die"]) < 9 and time.time() < deadline:
    time.sleep(0.05)
told("events", [len([one for one in seen if one[0] == action]) for action in ("start", "die")])
past = client.api.events(since=began, until=int(time.time()) + 1, decode=True, filters={"event": "start"})
told("past events", len({event["Actor"]["ID"] for event in past}))
