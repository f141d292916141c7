"""Measures one workflow of Python's Celery: `canvas_app.py <form> <count>` writes a line of JSON.

The worker counts the bytes of the bodies of the messages that it gets, in a key of the same Redis.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import redis
from celery import Celery, chain, chord, group
from celery.signals import task_received

url = os.environ["BENCH_REDIS_URL"]
app = Celery("bench", broker=url, backend=url)
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
counter = redis.Redis.from_url(url)


@app.task(name="bench.add")
def add(x, y):
    return x + y


@app.task(name="bench.sum")
def sum_of(values):
    return sum(values)


@task_received.connect
def on_received(request, **_):
    counter.incrby("bench-bytes", len(request.body))


def workflow_of(form, count):
    if form == "chain":
        return chain(add.s(0, 0), *[add.s(1) for _ in range(count - 1)])
    if form == "group":
        return group(add.s(n, 1) for n in range(count))
    if form == "chord":
        return chord((add.s(n, 1) for n in range(count)), sum_of.s())
    steps = [step for _ in range(count) for step in (group(add.s(1) for _ in range(10)), sum_of.s())]
    return chain(add.s(0, 0), *steps)


def end_with_the_benchmark(worker):
    sys.stdin.read()
    os.killpg(worker.pid, signal.SIGKILL)
    os._exit(1)


def main(form, count):
    command = [sys.executable, "-m", "celery", "-A", "canvas_app", "worker", "--loglevel", "ERROR"]
    # A group of its own, so that the processes of its pool can be ended with it.
    worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=end_with_the_benchmark, args=[worker], daemon=True).start()
    try:
        chain(add.s(0, 0), add.s(1)).apply_async().get(timeout=60)
        counter.set("bench-bytes", 0)
        started = time.monotonic()
        result = workflow_of(form, count).apply_async()
        published = time.monotonic()
        result.get(timeout=300)
        done = time.monotonic()
        ms = {"publishMs": (published - started) * 1000, "doneMs": (done - started) * 1000}
        print(json.dumps({**ms, "bytes": int(counter.get("bench-bytes"))}))
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
