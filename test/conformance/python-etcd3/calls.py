"""Calls of the etcd3 library for Python on one endpoint; prints what each came to, a line of JSON a call.

IDs of the cluster, of its members and of leases are left out: they differ between any two stores.
"""

import json
import queue
import sys
import tempfile
import threading

import etcd3
from etcd3.client import KVMetadata

host, port = sys.argv[1].split(":")
client = etcd3.client(host=host, port=int(port), timeout=10)


def plain(value):
    """What an answer says, in terms of JSON."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, KVMetadata):
        return {
            "key": plain(value.key),
            "create": value.create_revision,
            "version": value.version,
            "mod": value.mod_revision,
            "leased": value.lease_id != 0,
        }
    if hasattr(value, "header"):
        return {"revision": value.header.revision}
    if hasattr(value, "SerializeToString"):
        return str(value)
    return value


def tell(name, call):
    try:
        outcome = {"is": plain(call())}
    except Exception as error:  # what a caller of the library would see is what is compared
        details = getattr(error, "details", None)
        outcome = {"raises": type(error).__name__, "says": details() if callable(details) else str(error)}
    print(json.dumps({"call": name, **outcome}), flush=True)


def keys_and_values():
    tell("put", lambda: client.put("a/1", "one"))
    tell("put bytes", lambda: client.put(b"a/\xff", b"\x00\xff"))
    tell("put with prev_kv", lambda: plain(client.put("a/1", "uno", prev_kv=True).prev_kv.value))
    tell("put if not exists, new", lambda: client.put_if_not_exists("a/2", "two"))
    tell("put if not exists, there", lambda: client.put_if_not_exists("a/2", "zwei"))
    tell("get", lambda: client.get("a/1"))
    tell("get what is not there", lambda: client.get("none"))
    tell("get serializable", lambda: client.get("a/1", serializable=True))
    tell("get prefix", lambda: list(client.get_prefix("a/")))
    tell("get prefix, descending by value", lambda: list(client.get_prefix("a/", sort_order="descend", sort_target="value")))
    tell("get prefix, keys only", lambda: list(client.get_prefix("a/", keys_only=True)))
    tell("get range", lambda: list(client.get_range("a/1", "a/2")))
    tell("get all", lambda: list(client.get_all()))
    tell("replace, as expected", lambda: client.replace("a/2", "two", "deux"))
    tell("replace, otherwise", lambda: client.replace("a/2", "two", "due"))
    tell("delete", lambda: client.delete("a/2"))
    tell("delete again", lambda: client.delete("a/2"))
    tell("delete with prev_kv", lambda: plain([one.value for one in client.delete("a/1", prev_kv=True, return_response=True).prev_kvs]))
    tell("delete prefix", lambda: client.delete_prefix("a/").deleted)
    tell("an empty key", lambda: client.put("", "x"))
    tell("too large a value", lambda: client.put("big", b"x" * (2 * 1024 * 1024)))


def transactions():
    t = client.transactions
    client.put("t/1", "x")
    both = {"success": [t.put("t/2", "yes"), t.get("t/1")], "failure": [t.put("t/2", "no"), t.delete("t/1")]}
    tell("transaction that holds", lambda: client.transaction(compare=[t.value("t/1") == "x", t.version("t/1") > 0], **both))
    tell("transaction that does not", lambda: client.transaction(compare=[t.value("t/1") != "x"], **both))
    tell("compare create and mod", lambda: client.transaction(compare=[t.create("t/2") < 100, t.mod("t/2") > 1], success=[t.get("t/2")], failure=[]))
    twice = [t.put("t/3", "1"), t.put("t/3", "2")]
    tell("one key twice", lambda: client.transaction(compare=[], success=twice, failure=[]))
    inner = t.txn(compare=[t.version("t/9") == 0], success=[t.put("t/9", "in")], failure=[])
    tell("transaction in a transaction", lambda: client.transaction(compare=[], success=[inner], failure=[]))
    tell("what it has left", lambda: list(client.get_prefix("t/")))


def watches():
    def event(one):
        return [type(one).__name__, plain(one.key), plain(one.value), one.mod_revision, plain(one.prev_value)]

    def seen(count, **options):
        events, cancel = client.watch_prefix("w/", prev_kv=True, **options)
        change()
        found = [event(next(events)) for _ in range(count)]
        cancel()
        return found

    def change():
        client.put("w/1", "a")
        client.put("w/1", "b")
        client.delete("w/1")

    tell("watch", lambda: seen(3))
    begin = client.put("x", "y").header.revision
    change()
    tell("watch from a revision", lambda: seen(6, start_revision=begin + 1))

    def by_callback():
        found = queue.Queue()
        number = client.add_watch_callback("cb", lambda answer: [found.put(event(one)) for one in answer.events])
        client.put("cb", "called")
        first = found.get(timeout=10)
        client.cancel_watch(number)
        return first

    tell("watch by callback", by_callback)

    def once():
        timer = threading.Timer(0.2, lambda: client.put("once", "now"))
        timer.start()
        return event(client.watch_once("once", timeout=10))

    tell("watch once", once)

    def compacted():
        client.compact(begin)
        events, _ = client.watch_prefix("w/", start_revision=1)
        return event(next(events))

    tell("watch what is compacted", compacted)
    tell("compact again", lambda: client.compact(begin))


def leases():
    lease = client.lease(100)
    tell("put with a lease", lambda: client.put("l/1", "leased", lease))
    tell("the lease's key", lambda: client.get("l/1"))
    tell("time to live", lambda: [lease.granted_ttl, 95 < lease.remaining_ttl <= 100, plain(list(lease.keys))])
    tell("keep alive", lambda: [answer.TTL for answer in lease.refresh()])
    tell("revoke", lambda: client.revoke_lease(lease.id))
    tell("its key is gone", lambda: client.get("l/1"))
    tell("revoke again", lambda: client.revoke_lease(lease.id))
    tell("put with a lease that is gone", lambda: client.put("l/2", "x", lease.id))
    tell("a lease of its own ID twice", lambda: [client.lease(60, 4711).id, client.lease(60, 4711).id])


def locks():
    lock = client.lock("job", ttl=20)
    other = client.lock("job", ttl=20)
    tell("acquire", lambda: [lock.acquire(), lock.is_acquired()])
    tell("release", lambda: [lock.release(), lock.is_acquired()])
    tell("acquire what was released", lambda: [other.acquire(timeout=5), other.release()])


def upkeep():
    tell("members", lambda: [[len(one.peer_urls) >= 0, list(one.client_urls) != []] for one in client.members])
    tell("status", lambda: [client.status().version.split(".")[:2], client.status().db_size > 0])
    tell("alarms", lambda: list(client.list_alarms()))
    tell("disarm", lambda: list(client.disarm_alarm()))
    tell("defragment", lambda: client.defragment())
    tell("hash", lambda: client.hash() > 0)

    def snapshot():
        with tempfile.TemporaryFile() as file:
            client.snapshot(file)
            size = file.tell()
            # Whole pages, and the checksum behind them.
            return [size > 16384, size % 512]

    tell("snapshot", snapshot)


for part in (keys_and_values, transactions, watches, leases, locks, upkeep):
    part()
client.close()
