"""Calls tasks for the tests: one JSON request a line on stdin, one reply a line on stdout. Values are kombu's JSON."""

import re
import sys
import traceback

from celery import chain, chord, group
from celery.bin.celery import celery as command_line
from celery.result import AsyncResult, GroupResult
from click.testing import CliRunner
from interop_app import app
from kombu import Exchange, Queue
from kombu.utils.json import dumps, loads


def send(task, args=(), kwargs=None, protocol=2, **options):
    options = {name: value for name, value in options.items() if value is not None}
    app.conf.task_protocol = protocol
    # Which protocol is written is decided once.
    app.amqp.__dict__.pop("create_task_message", None)
    return app.send_task(task, args, kwargs or {}, **options).id


def get(id, timeout=15):
    result = AsyncResult(id, app=app)
    try:
        return {"state": "SUCCESS", "value": result.get(timeout=timeout)}
    except Exception as error:
        kind = type(error)
        return {
            "state": result.state,
            "type": kind.__name__,
            "module": kind.__module__,
            "args": [each if isinstance(each, (int, str)) else repr(each) for each in error.args],
            "text": str(error),
            "traceback": result.traceback,
        }


def meta(id):
    known = AsyncResult(id, app=app)._get_task_meta()
    return {
        **{name: repr(value) if isinstance(value, Exception) else value for name, value in known.items()},
        "children": [child.id for child in known["children"] or []],
    }


def revoke(id, **options):
    app.control.revoke(id, **options)


def ping(**options):
    return app.control.ping(**options)


def patiently(options):
    """Where it is known how many answer, nobody waits longer than for those."""
    knows = options.get("destination") or options.get("limit")
    return {"timeout": 15.0 if knows else 1.0, **options}


def inspect(method, args=(), kwargs=None, **options):
    """What each worker answers, by node name."""
    found = getattr(app.control.inspect(**patiently(options)), method)(*args, **(kwargs or {}))
    return found or {}


def broadcast(command, arguments=None, **options):
    """The replies to any command."""
    return app.control.broadcast(command, arguments=arguments or {}, reply=True, **patiently(options))


def celery(args):
    """Exit code and output of a command line, which is spared the start of a process."""
    result = CliRunner().invoke(command_line, ["-b", app.conf.broker_url, "-C", *args])
    return [result.exit_code, result.output]


def chained(steps, link_error=None):
    """The ids of the steps `[task, args, queue]`, the last first."""
    signatures = [app.signature(task, args=args, queue=queue) for task, args, queue in steps]
    workflow = chain(*signatures)
    if link_error:
        workflow.link_error(signature_of(link_error))
    result, ids = workflow.apply_async(), []
    while result:
        ids.append(result.id)
        result = result.parent
    return ids


def chorded(header, body, link_error=None):
    """The id of the body."""
    body = signature_of(body, immutable=False)
    if link_error:
        body.link_error(signature_of(link_error))
    return chord([signature_of(step, immutable=False) for step in header])(body).id


def grouped(steps):
    return group(signature_of(step, immutable=False) for step in steps).apply_async().get(timeout=15)


def planned(plan):
    """Starts a plan of test/support/random-canvas.ts: the ids of its last tasks."""
    result = workflow_of(plan).apply_async()
    return [each.id for each in getattr(result, "results", [result])]


def workflow_of(plan):
    kind = plan["kind"]
    if kind == "step":
        name = {"good": "random.step", "shaky": "random.shaky", "bad": "random.bad"}[plan["how"]]
        return app.signature(name, args=[plan["label"]], queue="py" if plan["label"] % 2 else "ts")
    if kind == "chord":
        return chord([workflow_of(each) for each in plan["header"]], workflow_of(plan["body"]))
    return {"chain": chain, "group": group}[kind](*[workflow_of(each) for each in plan["nodes"]])


def formed(form, queue):
    """Starts a form of results.test.ts with all its tasks in one queue: the ids of its result and of those before it."""
    result, ids = form_of(form, queue).apply_async(), []
    while result:
        ids = [each.id for each in getattr(result, "results", None) or [result]] + ids
        result = result.parent
    return ids


def form_of(form, queue):
    kind = form["kind"]
    if kind == "task":
        made = app.signature(f"both.{form['task']}", args=form["args"], queue=queue)
    elif kind == "chord":
        made = chord([form_of(each, queue) for each in form["header"]], form_of(form["body"], queue))
    else:
        made = {"chain": chain, "group": group}[kind](*[form_of(each, queue) for each in form["nodes"]])
    if "link" in form:
        made.link(form_of(form["link"], queue))
    if "link_error" in form:
        made.link_error(form_of(form["link_error"], queue))
    return made


def shape(ids):
    """What AsyncResult and GroupResult show of all that began with these tasks, with numbers for ids."""
    numbers, shapes = {}, []
    waiting = list(ids)

    def number(id):
        if id is None:
            return None
        if id not in numbers:
            numbers[id] = len(numbers)
            waiting.append(id)
        return numbers[id]

    for id in ids:
        numbers[id] = len(numbers)
    while waiting:
        result = AsyncResult(waiting.pop(0), app=app)
        meta = result._get_task_meta()
        value = meta["result"]
        children = []
        for child in meta.get("children") or []:
            members = getattr(child, "results", None)
            children.append(number(child.id) if members is None else [number(each.id) for each in members])
        error = isinstance(value, Exception)
        shapes.append({
            "number": numbers[result.id],
            "state": meta["status"],
            "value": None if error else value,
            "error": [type(value).__name__, *[without_ids(each) for each in value.args]] if error else None,
            "traceback": bool(meta.get("traceback")),
            "parent": parent_of(meta.get("parent_id"), number),
            "children": children,
            "in group": meta.get("group_id") is not None,
        })
    return shapes


def parent_of(id, number):
    """The parent of a body is whichever member came last."""
    if id and AsyncResult(id, app=app)._get_task_meta().get("group_id"):
        return "a member"
    return number(id)


def without_ids(arg):
    return re.sub("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", str(arg))


def run_chunks(name, items, size, queue):
    return app.signature(name).type.chunks(items, size).apply_async(queue=queue).get(timeout=15)


def restored(id):
    """A group that was saved: what its members gave."""
    return GroupResult.restore(id, app=app).get(timeout=15)


def saved(steps):
    result = group(signature_of(step, immutable=False) for step in steps).apply_async()
    result.save()
    return result.id


def linked(step, link=None, link_error=None):
    links = {"link": link and signature_of(link), "link_error": link_error and signature_of(link_error)}
    return signature_of(step, immutable=False).apply_async(**links).id


def signature_of(step, immutable=True):
    task, args, queue = step
    return app.signature(task, args=args, queue=queue, immutable=immutable)


def add_consumer(queue, destination):
    return app.control.add_consumer(queue, destination=destination, reply=True, timeout=15.0)


def send_broadcast(task, args, queue, **options):
    # Only who declared the exchange knows that it is a fanout.
    exchange = Exchange(queue, type="fanout")
    return app.send_task(task, args, exchange=queue, exchange_type="fanout", routing_key="celery",
                         declare=[exchange], **options).id


def drain(queue, count):
    """The ids of the messages of a queue as kombu's consumer gets them."""
    ids = []
    with app.connection_for_read() as connection:
        def on_message(body, message):
            ids.append(message.headers["id"])
            message.ack()
        with connection.Consumer([Queue(queue, Exchange(queue), queue)], callbacks=[on_message]):
            while len(ids) < count:
                connection.drain_events(timeout=5)
    return ids


operations = {
    each.__name__: each
    for each in (send, get, meta, revoke, ping, inspect, broadcast, celery, chained, chorded, grouped, planned, formed, shape, run_chunks, restored, saved, linked, add_consumer, send_broadcast, drain)
}

print(dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = loads(line)
    try:
        reply = dumps({"id": request["id"], "value": operations[request["operation"]](**request["parameters"])})
    except Exception:
        reply = dumps({"id": request["id"], "error": traceback.format_exc()})
    print(reply, flush=True)
