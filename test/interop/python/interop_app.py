"""The Python half of the interop tests: one Celery app, its settings from the variable INTEROP_SETTINGS (JSON)."""

import hashlib
import json
import os
import threading
import time

import redis
from celery import Celery
from celery.exceptions import Reject
from kombu.common import Broadcast

settings = json.loads(os.environ["INTEROP_SETTINGS"])
broadcast = settings.pop("broadcast", None)

app = Celery("interop")
app.conf.update(
    accept_content=["json", "msgpack", "yaml"],
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    **settings,
)
if broadcast:
    app.conf.task_queues = (Broadcast(broadcast),)

who = os.environ.get("INTEROP_NAME", "py")
# Where tasks note that they ran: of both languages, so that a test sees them in one place.
notes = redis.Redis.from_url(os.environ["INTEROP_NOTES"])


def end_with_the_tests():
    while os.read(0, 1024):
        pass
    os._exit(1)


if "INTEROP_WORKER" in os.environ:
    threading.Thread(target=end_with_the_tests, daemon=True).start()


def note(key, text):
    notes.rpush(key, text)


class CustomError(Exception):
    """An error with arguments that are no message."""


@app.task(name="py.echo")
def echo(*args, **kwargs):
    return [args, kwargs]


@app.task(name="py.same")
def same(value):
    return value


@app.task(name="py.add")
def add(x, y):
    return x + y


@app.task(name="py.sum")
def sum_of(values):
    return sum(values)


@app.task(name="py.types")
def types(value):
    """The types of what arrived, as Python sees them."""
    if isinstance(value, dict):
        return {key: types(each) for key, each in value.items()}
    if isinstance(value, list):
        return [types(each) for each in value]
    return f"{type(value).__name__} {value!r}"


@app.task(name="py.context", bind=True)
def context(self, *args, **kwargs):
    request = self.request
    names = (
        "id root_id parent_id retries origin argsrepr kwargsrepr shadow timelimit headers correlation_id "
        "ignore_result group delivery_info hostname lang"
    )
    known = {name: getattr(request, name, None) for name in names.split()}
    known["eta"], known["expires"] = str(request.eta), str(request.expires)
    known["custom"] = request.get("x-trace")
    return known


@app.task(name="py.fail")
def fail(kind):
    if kind == "value":
        raise ValueError("no such thing: ümläut")
    if kind == "custom":
        raise CustomError("first", 2)
    return {}["missing"]


@app.task(name="py.retried", bind=True, max_retries=5)
def retried(self, times):
    if self.request.retries < times:
        raise self.retry(countdown=0, exc=ValueError("again"))
    return [self.request.retries, self.request.id, self.request.root_id]


@app.task(name="py.calls", bind=True)
def calls(self, name, *args):
    """Calls a task of the other side, as its child."""
    return app.send_task(name, args, queue="ts").id


@app.task(name="py.sleep")
def sleep(seconds, key=None):
    time.sleep(seconds)
    if key:
        note(key, "py")
    return seconds


@app.task(name="py.noted")
def noted(key, text="py"):
    note(key, text)


@app.task(name="both.run", acks_late=True)
def both_run(key, text, seconds=0):
    """Defined on both sides: whoever is free takes it, and says so at its begin and at its end."""
    note(key, f"begin {who} {text}")
    time.sleep(seconds)
    note(key, f"end {who} {text}")
    return who


@app.task(name="both.noted")
def both_noted(key):
    note(key, "py")


@app.task(name="both.add")
def both_add(x, y):
    return x + y


@app.task(name="both.sum")
def both_sum(values):
    return sum(values)


@app.task(name="both.fail")
def both_fail(*args):
    raise ValueError("no such thing")


@app.task(name="py.reject", bind=True, acks_late=True)
def reject(self, key):
    note(key, "rejected" if not self.request.delivery_info.get("redelivered") else "again")
    if not self.request.delivery_info.get("redelivered"):
        raise Reject("once more", requeue=True)
    return "done"


def digest(args):
    """As test/support/random-canvas.ts has it."""
    return hashlib.sha1(json.dumps(args, separators=(",", ":")).encode()).hexdigest()[:10]


@app.task(name="random.step")
def random_step(*args):
    return digest(args)


@app.task(name="random.shaky", bind=True, max_retries=1)
def random_shaky(self, *args):
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return digest(args)


@app.task(name="random.bad")
def random_bad(*args):
    raise ValueError("as planned")


@app.task(name="py.replaced", bind=True)
def replaced(self, name, *args):
    raise self.replace(app.signature(name, args=args, queue="ts"))


@app.task(name="py.row")
def row(key, text):
    note(key, text)
    return text
