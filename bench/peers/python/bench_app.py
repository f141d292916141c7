"""The task of the benchmarks for Python's Celery.

Times go to a shared file of 16-byte records: the first says since when the worker is ready, then one for each process of
the pool: how many tasks it has run, and when the last one ended (nanoseconds of the monotonic clock).
"""

import mmap
import os
import struct
import time

from billiard import current_process
from celery import Celery
from celery.signals import worker_process_init, worker_ready

url = os.environ["BENCH_REDIS_URL"]
keeps_results = os.environ["BENCH_WITH_RESULTS"] == "1"

app = Celery("bench", broker=url, backend=url if keeps_results else None)
app.conf.update(
    task_ignore_result=not keeps_results,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)

with open(os.environ["BENCH_TIMES"], "r+b") as file:
    times = mmap.mmap(file.fileno(), 0)

count = 0
place = 0


@worker_ready.connect
def on_ready(**_):
    struct.pack_into("qq", times, 0, 1, time.monotonic_ns())


@worker_process_init.connect
def on_process(**_):
    global place
    place = 16 * (current_process().index + 1)


@app.task(name="bench.add")
def add(a, b, text):
    global count
    count += 1
    struct.pack_into("qq", times, place, count, time.monotonic_ns())
    return a + b
