#!/usr/bin/env python3
"""Decodes the test vectors of docs/protocol.md, from that page alone (an agreement's digests: from
docs/schema.md).

    python3 docs/vectors/decode.py                 all vectors
    python3 docs/vectors/decode.py session.json    these files

Ends with 0 when every byte says what the vectors state, with 1 and a sentence otherwise. Needs
nothing but Python's standard library, 3.9 or later. Numbers in brackets are sections of the page.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import pathlib
import sys

sys.dont_write_bytecode = True
from crypto import base58_check, blake3, hkdf, opened, verifies

FOLDER = pathlib.Path(__file__).resolve().parent
FRAME_BYTES_MAX = 1 << 20
BATCH_BYTES_MAX = 16 << 20
U64 = (1 << 64) - 1


class Malformed(Exception):
    """The bytes are not what they should be."""


def need(condition, why):
    if not condition:
        raise Malformed(why)


class Reader:
    """Bytes from the front; encodings of [1]."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        need(length <= len(self.data) - self.at, "cut off")
        self.at += length
        return self.data[self.at - length:self.at]

    def byte(self):
        return self.take(1)[0]

    def left(self):
        return len(self.data) - self.at

    def groups(self, most):
        """The value and the bytes of a LEB128 number."""
        value, used = 0, []
        while not used or used[-1] & 0x80:
            need(len(used) < most, "a number is too long")
            used.append(self.byte())
            value |= (used[-1] & 0x7F) << 7 * (len(used) - 1)
        return value, used

    def uleb(self):
        value, used = self.groups(10)
        need(value <= U64, "a number is too large")
        need(len(used) == 1 or used[-1], "a number is not in its shortest form")
        return value

    def sleb(self):
        value, used = self.groups(10)
        if used[-1] & 0x40:
            value -= 1 << 7 * len(used)
        need(-(1 << 63) <= value < 1 << 63, "a number is too large")
        need(sleb(value) == bytes(used), "a number is not in its shortest form")
        return value

    def varint(self, bits):
        value, _ = self.groups(-(-bits // 7))
        need(value < 1 << bits, "a number is too large")
        return value

    def u16(self):
        return self.varint(16)

    def u32(self):
        return self.varint(32)

    def i64(self):
        value = self.varint(64)
        return value >> 1 ^ -(value & 1)

    def bool(self):
        value = self.byte()
        need(value < 2, "neither true nor false")
        return value == 1

    def choice(self, count):
        value = self.u32()
        need(value < count, "an unknown choice")
        return value

    def bytes(self):
        return self.take(self.varint(64))

    def text(self):
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Malformed("not UTF-8") from None

    def list(self, item):
        return [item() for _ in range(self.varint(64))]

    def option(self, item):
        return item() if self.bool() else None

    def hex(self, length):
        return self.take(length).hex()

    def hashes(self):
        return self.list(lambda: self.hex(32))


def uleb(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def sleb(value):
    out = b""
    while not -0x40 <= value < 0x40:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value & 0x7F])


# [2] Who is who

def record(signed):
    return blake3(signed[:-64] if len(signed) >= 64 else b"")


def base32(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def key_text(what, key):
    return base32(key + blake3(b"cairn " + what.encode() + b" check" + key)[:3])


def document_of(owner, kind, salt):
    return blake3(b"cairn document v1" + owner + kind.to_bytes(2, "little") + salt)[:16]


def actor_of(device, document, salt):
    return blake3(b"cairn actor" + device + document + salt)[:16]


# [5] Statements

def origin(reader):
    owner, kind, salt = reader.take(32), reader.u16(), reader.take(16)
    return {
        "document": document_of(owner, kind, salt).hex(),
        "owner": owner.hex(),
        "document_kind": kind,
        "salt": salt.hex(),
    }


def statement_body(kind, r):
    if kind == 1:
        body = {"person": r.hex(32), "device": r.hex(32), "at": r.i64(), "joins": r.bytes().hex()}
        joins = b"cairn device joins v1" + bytes.fromhex(body["person"])
        need(verifies(bytes.fromhex(body["device"]), joins, bytes.fromhex(body["joins"])),
             "the device has not signed that it joins")
        return body
    if kind == 2:
        return {"person": r.hex(32), "device": r.hex(32), "kept": r.hashes(), "at": r.i64()}
    if kind == 3:
        return {"origin": origin(r), "grantee": r.hex(32), "role": r.choice(3), "purpose": r.text(),
                "expires": r.option(r.i64), "replaces": r.hashes(), "heads": r.hashes(),
                "at": r.i64()}
    if kind == 4:
        return {"origin": origin(r), "person": r.hex(32), "label": r.text(),
                "devices": r.hashes(), "at": r.i64()}
    if kind == 5:
        return {"document": r.hex(16), "statement": r.hex(32), "person": r.hex(32),
                "receipt": r.choice(2), "at": r.i64()}
    if kind == 6:
        return {"person": r.hex(32), "key": r.hex(32), "at": r.i64()}
    if kind == 7:
        return {"person": r.hex(32), "device": r.hex(32), "kept": r.hashes(), "at": r.i64()}
    if kind == 8:
        return {"person": r.hex(32), "device": r.hex(32), "pauses": r.hashes(), "at": r.i64()}
    if kind == 9:
        return {"origin": origin(r), "person": r.hex(32), "device": r.hex(32),
                "heads": r.hashes(), "kept": r.hashes(), "closed": r.bool(), "at": r.i64()}
    if kind == 10:
        return {"origin": origin(r), "heads": r.hashes(), "at": r.i64()}
    if kind == 11:
        return {"origin": origin(r), "person": r.hex(32), "successor": r.hex(16),
                "at": r.i64()}
    raise Malformed("an unknown kind of statement")


def statement(data):
    need(98 <= len(data) <= 4096 and data[0] == 1, "no statement")
    signer = data[2:34]
    need(verifies(signer, b"cairn statement v1" + data[:-64], data[-64:]), "a wrong signature")
    fields = statement_body(data[1], Reader(data[34:-64]))
    return {**fields, "kind": data[1], "signer": signer.hex(), "record": record(data).hex()}


def roster_digest(records):
    return blake3(b"cairn roster digest v1" + b"".join(sorted(records)))


# [7] Attestations

def attestation(data):
    need(66 <= len(data) <= 8960 and data[0] == 1, "no attestation")
    r = Reader(data[1:-64])
    fields = {"document": r.hex(16), "device": r.hex(32), "process": r.hex(16),
              "counter": r.varint(64), "heads": r.hashes(),
              "previous": r.option(lambda: r.hex(32)), "record": record(data).hex()}
    need(fields["heads"] and fields["heads"] == sorted(set(fields["heads"])), "heads out of order")
    signed = b"cairn attestation v1" + data[:-64]
    need(verifies(bytes.fromhex(fields["device"]), signed, data[-64:]), "a wrong signature")
    return fields


# [6] Changes

class Change:
    """A change chunk, read as far as everyone must."""

    def __init__(self, chunk):
        self.bytes = chunk
        self.hash = chunk_hash(chunk)
        r = Reader(chunk)
        need(r.take(4) == b"\x85\x6f\x4a\x83", "no automerge chunk")
        need(r.take(4) == self.hash[:4], "a wrong checksum")
        need(r.byte() == 1, "no plain change")
        need(r.uleb() == r.left(), "a wrong length")
        self.dependencies = [r.take(32) for _ in range(r.uleb())]
        self.actor = r.take(r.uleb())
        self.sequence = r.uleb()
        need(self.sequence > 0, "a sequence number of 0")


def chunk_hash(chunk):
    return hashlib.sha256(chunk[8:] if len(chunk) >= 8 else b"").digest()


# [13] Compact change coding

COLUMNS = (0x01, 0x02, 0x11, 0x13, 0x15, 0x34, 0x42, 0x56, 0x57, 0x70, 0x71, 0x73, 0x94, 0xA5)


class Room:
    def __init__(self):
        self.left = BATCH_BYTES_MAX

    def take(self, size):
        self.left -= size
        need(self.left >= 0, "stands for more than is allowed")


def from_difference(number, expected):
    return expected + (number >> 1 ^ -(number & 1)) & U64


def place_in(table, r, length):
    place = r.uleb()
    if place == len(table):
        table.append(r.take(length))
    need(place < len(table), "not in the table")
    return place


def runs(column, read):
    """The runs of a column, each its number of rows and its items."""
    r = Reader(column)
    while r.left():
        length = r.sleb()
        if length > 0:
            yield length, length, [read(r)]
        elif length < 0:
            yield length, -length, [read(r) for _ in range(-length)]
        else:
            yield length, r.uleb(), []


def rows(column):
    return sum(count for _, count, _ in runs(column, Reader.uleb))


def counters_back(place, column, start):
    """A column as automerge writes it."""
    if place not in (1, 3, 11):
        return column
    objects, value, out = place == 1, 0, b""
    for length, count, items in runs(column, Reader.uleb if objects else Reader.sleb):
        out += sleb(length) + (uleb(count) if length == 0 else b"")
        for item in items:
            if objects:
                item = (start if item & 1 else 0) + (item >> 1)
                need(item <= U64, "a counter is too large")
                out += uleb(item)
                continue
            if value == 0 and item != 0:
                item = start + item - (1 if item > 0 else 0)
            value += item * (length if length > 0 else 1)
            need(abs(item) < 1 << 63 and abs(value) < 1 << 63, "a counter is too large")
            out += sleb(item)
    return out


def read_changes(r, room):
    count = r.uleb()
    room.take(64 * count)
    forms = [r.uleb() for _ in range(count)]
    need(all(form <= 1 << 14 for form in forms), "a column that does not exist")
    coded = [form - 1 for form in forms if form]
    actors = []
    authors = [place_in(actors, r, 16) for _ in coded]
    sequences = [r.uleb() for _ in coded]
    dependencies = []
    for _ in coded:
        more = r.uleb()
        named = []
        for _ in range(more - 1):
            back = r.uleb()
            named.append(back or r.take(32))
        dependencies.append(named if more else [1])
    starts = [r.uleb() for _ in coded]
    times = [r.uleb() for _ in coded]
    messages = [r.take(r.uleb()) for _ in coded]
    others = [[place_in(actors, r, 16) for _ in range(r.uleb())] for _ in coded]
    columns = [{} for _ in coded]
    for place in range(len(COLUMNS)):
        having = [index for index, form in enumerate(coded) if form >> place & 1]
        lengths = [r.uleb() for _ in having]
        for index, length in zip(having, lengths):
            columns[index][place] = r.take(length)
    verbatim = [r.take(r.uleb()) for form in forms if not form]

    chunks, hashes, ends = [], [], []
    next_sequence, end, time, at = {}, 0, 0, 0
    for form in forms:
        if not form:
            chunks.append(verbatim.pop(0))
            hashes.append(chunk_hash(chunks[-1]))
            ends.append(None)
            room.take(len(chunks[-1]))
            continue
        known = []
        body = uleb(len(dependencies[at]))
        for dependency in dependencies[at]:
            if isinstance(dependency, int):
                need(dependency <= len(hashes), "built on what is not there")
                known.append(ends[-dependency])
                dependency = hashes[-dependency]
            body += dependency
        known = [each for each in known if each is not None]
        actor = actors[authors[at]]
        sequence = from_difference(sequences[at], next_sequence.get(actor, 1))
        next_sequence[actor] = sequence + 1 & U64
        start = from_difference(starts[at], max(max(known) if known else end, 1))
        time = from_difference(times[at], time)
        body += b"\x10" + actor + uleb(sequence) + uleb(start)
        body += sleb(time - (1 << 64) if time >> 63 else time)
        body += uleb(len(messages[at])) + messages[at] + uleb(len(others[at]))
        body += b"".join(b"\x10" + actors[other] for other in others[at])
        written = {place: counters_back(place, column, start) for place, column in columns[at].items()}
        body += uleb(len(written))
        body += b"".join(uleb(COLUMNS[place]) + uleb(len(c)) for place, c in written.items())
        body += b"".join(written.values())
        hashed = b"\x01" + uleb(len(body)) + body
        hashes.append(hashlib.sha256(hashed).digest())
        chunks.append(b"\x85\x6f\x4a\x83" + hashes[-1][:4] + hashed)
        room.take(len(chunks[-1]))
        end = start + rows(written.get(6, b"")) & U64
        ends.append(end)
        at += 1
    return chunks, hashes


def read_proofs(r, room, document, sender, hashes):
    devices = [sender]
    count = r.uleb()
    room.take(64 * count)
    salts = [(devices[place_in(devices, r, 32)], r.take(8)) for _ in range(count)]
    count = r.uleb()
    room.take(64 * count)
    attestations = []
    for _ in range(count):
        kind = r.uleb()
        if kind == 0:
            attestations.append(r.take(r.uleb()))
            room.take(len(attestations[-1]))
            continue
        room.take(256 + 32 * (kind - 1))
        data = b"\x01" + document + devices[place_in(devices, r, 32)] + r.take(16)
        data += uleb(r.uleb()) + uleb(kind - 1)
        for _ in range(kind - 1):
            back = r.uleb()
            need(back <= len(hashes), "a head that is not there")
            data += hashes[-back] if back else r.take(32)
        previous = r.uleb()
        if previous > 1:
            need(previous - 2 < len(attestations), "an attestation that is not there")
            data += b"\x01" + record(attestations[previous - 2])
        else:
            data += b"\x01" + r.take(32) if previous else b"\x00"
        attestations.append(data + r.take(64))
    return salts, attestations


def expanded(frame):
    """The content of a zstd frame, if it is of one block that is not compressed (RFC 8878)."""
    r = Reader(frame)
    need(r.take(4) == b"\x28\xb5\x2f\xfd", "no zstd frame")
    descriptor = r.byte()
    need(descriptor & 0x0B == 0 and descriptor >> 5 & 1, "another zstd frame than the vectors have")
    size = int.from_bytes(r.take(1 << (descriptor >> 6)), "little")
    size += 256 if descriptor >> 6 == 1 else 0
    need(size <= BATCH_BYTES_MAX, "stands for more than is allowed")
    block = int.from_bytes(r.take(3), "little")
    need(block & 7 == 1, "compressed: Python's standard library has no zstd")
    content = r.take(block >> 3)
    need(len(content) == size and not r.left(), "another size than it says")
    return content


def part(data, document, sender):
    need(data, "empty")
    need(data[0] in (0, 1), "an unknown form")
    r, room = Reader(expanded(data[1:]) if data[0] else data[1:]), Room()
    chunks, hashes = read_changes(r, room)
    salts, attestations = read_proofs(r, room, document, sender, hashes)
    need(not r.left(), "bytes behind the end")
    return chunks, salts, attestations


def salts_shown(salts):
    return [{"device": device.hex(), "salt": salt.hex()} for device, salt in salts]


# [8] Messages

def ranges(r):
    def item():
        return {"document": r.hex(6), "consent": r.hex(6), "heads": r.hex(8)}

    def one():
        end = r.bytes()
        content = r.choice(4)
        said = {"end": end.hex(), "content": ("settled", "fingerprint", "items", "differing")[content]}
        if content == 1:
            said["fingerprint"] = r.hex(8)
        elif content == 2:
            said["items"] = r.list(item)
        elif content == 3:
            said["places"] = r.list(r.u32)
        return said

    return r.list(one)


def few(hashes):
    need(len(hashes) <= 4096, "more hashes than allowed")
    return hashes


def message(data, sender):
    need(data and len(data) <= FRAME_BYTES_MAX, "no frame")
    kind, r = data[0], Reader(data[1:])
    if kind == 1:
        return {"kind": "hello", "versions": [r.u16(), r.u16()], "process": r.hex(16),
                "own_roster": r.hex(32), "known_roster": r.hex(32), "nonce": r.hex(16),
                "documents": r.u32(), "fingerprint": r.hex(32)}
    if kind == 2:
        return {"kind": "statements", "statements": [statement(each) for each in r.list(r.bytes)]}
    if kind == 3:
        return {"kind": "ranges", "ranges": ranges(r)}
    if kind == 4:
        return {"kind": "heads", "document": r.hex(16), "heads": few(r.hashes()),
                "samples": few(r.hashes()), "asks": r.option(lambda: r.varint(64)),
                "answers": r.option(lambda: {"question": r.varint(64), "has": r.choice(3)}),
                "staged": r.option(lambda: {"resume": r.bytes().hex(), "bytes": r.varint(64)})}
    if kind == 5:
        document, data, last, after = r.take(16), r.bytes(), r.bool(), r.varint(64)
        chunks, salts, attestations = part(data, document, sender)
        changes = [Change(chunk) for chunk in chunks]
        return {"kind": "changes", "document": document.hex(), "form": data[0], "last": last,
                "after": after,
                "salts": salts_shown(salts),
                "changes": [{"hash": c.hash.hex(), "bytes": len(c.bytes)} for c in changes],
                "attestations": [attestation(each) for each in attestations],
                # For what follows; not part of what the vectors state.
                "read": changes}
    if kind == 6:
        return {"kind": "acknowledgement", "document": r.hex(16), "heads": few(r.hashes())}
    if kind == 7:
        def refused():
            return {"change": r.hex(32), "reason": r.choice(8)}
        return {"kind": "refusal", "document": r.hex(16), "changes": few(r.list(refused))}
    if kind == 8:
        return {"kind": "synced"}
    if kind == 9:
        return {"kind": "credit", "bytes": r.u32()}
    if kind == 10:
        document, at, resume, data = r.hex(16), r.varint(64), r.bytes(), r.bytes()
        need(0 < len(data) <= 8192 and at % 8192 == 0, "a piece of another size or place")
        need(len(resume) <= 8192 and (at == 0) == bool(resume), "resume with another than the first")
        return {"kind": "piece", "document": document, "at": at, "resume": resume.hex(),
                "bytes": len(data), "read": data}
    if kind == 11:
        return {"kind": "nothing", "document": r.hex(16), "question": r.varint(64)}
    if kind == 12:
        return {"kind": "origin", **origin(r)}
    raise Malformed("an unknown kind")


# [3] Pairing

def address(family, r, port):
    ip = ipaddress.ip_address(r.take(4 if family == 4 else 16))
    return f"{ip}:{port()}" if family == 4 else f"[{ip}]:{port()}"


def ticket(text):
    need(len(text) <= 512, "too long")
    text = text.translate({ord(letter): None for letter in " -\n"}).upper()
    need(text.startswith("CAIRN1"), "no ticket")
    data = base64.b32decode(text[6:] + "=" * (-len(text[6:]) % 8))
    content, check = data[:-4], data[-4:]
    need(blake3(b"cairn ticket check" + content)[:4] == check, "a damaged ticket")
    r = Reader(content)
    fields = {"expires": int.from_bytes(r.take(8), "little"), "key": r.hex(32), "secret": r.hex(16),
              "addresses": []}
    while r.left():
        family = r.byte()
        need(family in (4, 6), "an unknown family")
        port = lambda: int.from_bytes(r.take(2), "little")
        fields["addresses"].append(address(family, r, port))
    need(1 <= len(fields["addresses"]) <= 8, "no address, or too many")
    return fields


def card(data):
    r = Reader(data)
    return {"person": r.hex(32), "role": r.byte(), "name": r.text(),
            "roster": r.list(lambda: r.bytes().hex()), "tls_key": r.bytes().hex(),
            "addresses": r.list(lambda: address(4 if r.choice(2) == 0 else 6, r, r.u16))}


# [4] Connections

def label(pair_secret, epoch):
    named = b"cairn server name 1" + epoch.to_bytes(8, "little")
    return base32(hmac.digest(pair_secret, named, "sha256")[:20])


# The vectors

def equal(found, stated, where):
    need(found == stated, f"{where} says\n  {found}\nand not\n  {stated}")


def refused(decode, data, why):
    try:
        decode(bytes.fromhex(data))
    except Malformed:
        return
    raise Malformed(f"{data} was taken, although: {why}")


def check_records(vectors):
    ids = vectors["ids"]
    for what in ("person", "device"):
        equal(key_text(what, bytes.fromhex(ids[what]["bytes"])), ids[what]["text"], what)
    of = ids["document"]
    made = document_of(bytes.fromhex(of["owner"]), of["kind"], bytes.fromhex(of["salt"]))
    equal((made.hex(), base58_check(made)), (of["bytes"], of["text"]), "document")
    of = ids["actor"]
    parts = [bytes.fromhex(of[name]) for name in ("device", "document", "salt")]
    equal(actor_of(*parts).hex(), of["bytes"], "actor")
    kinds, roster = set(), []
    for vector in vectors["statements"]:
        fields = statement(bytes.fromhex(vector["bytes"]))
        equal(fields, vector["fields"], "statement")
        kinds.add(fields["kind"])
        if vector.get("in_roster"):
            roster.append(bytes.fromhex(fields["record"]))
    equal(kinds, set(range(1, 12)), "the kinds of statements")
    for vector in vectors["attestations"]:
        equal(attestation(bytes.fromhex(vector["bytes"])), vector["fields"], "attestation")
    stated = vectors["roster"]
    equal([each.hex() for each in roster], stated["records"], "roster")
    equal(roster_digest(roster).hex(), stated["digest"], "roster digest")
    everyone = bytes.fromhex(stated["person"]) + roster_digest(roster)
    equal(blake3(b"cairn rosters digest v1" + everyone).hex(), stated["digest_of_all"], "rosters")


def check_connections(vectors):
    equal(vectors["alpn"], "p2p/1", "ALPN")
    for vector in vectors["labels"]:
        made = label(bytes.fromhex(vector["pair_secret"]), vector["epoch"])
        equal(made, vector["label"], "a server name")
    certificate = "302a300506032b6570032100" + vectors["key"]["public"]
    equal(certificate, vectors["key"]["certificate"], "a key in TLS")
    equal(vectors["frames"][0]["payload"], "01", "the greeting")
    for vector in vectors["frames"]:
        data = bytes.fromhex(vector["bytes"])
        length = int.from_bytes(data[:4], "little")
        need(1 <= length <= FRAME_BYTES_MAX and length == len(data) - 4, "a frame of another length")
        equal(data[4:].hex(), vector["payload"], "a frame")


def check_pairing(vectors):
    stated = dict(vectors["ticket"])
    equal(ticket(stated.pop("text")), stated, "the ticket")
    salt, key, hello, reply = (bytes.fromhex(vectors[name])
                               for name in ("exporter", "spake2_key", "hello", "reply"))
    need(len(hello) == 35 and hello[2] == 0x41 and len(reply) == 33 and reply[0] == 0x42,
         "frames of another form")
    keys = hkdf(salt, key, b"cairn pairing 1 keys" + hello + reply, 160)
    confirm, seal = {}, {}
    confirm["dialler"], seal["dialler"], confirm["inviter"], seal["inviter"], pair_secret = (
        keys[start:start + 32] for start in range(0, 160, 32))
    equal(pair_secret.hex(), vectors["pair_secret"], "the pair secret")
    cards = {"dialler": vectors["card"]["bytes"], "inviter": ""}
    for side, stated in cards.items():
        vector = vectors[side]
        equal(confirm[side].hex(), vector["confirm"], f"the {side}'s key of proofs")
        equal(seal[side].hex(), vector["seal"], f"the {side}'s key of seals")
        sealed = bytes.fromhex(vector["sealed"])
        made = hmac.digest(confirm[side], sealed, "sha256").hex()
        equal(made, vector["proof"], f"the {side}'s proof")
        content = opened(seal[side], bytes(12), sealed)
        need(content is not None, f"the {side}'s card is not sealed with its key")
        equal(content.hex(), stated, f"the {side}'s card")
    equal(card(bytes.fromhex(vectors["card"]["bytes"])), vectors["card"]["fields"], "the card")


def u32(number):
    return number.to_bytes(4, "little")


def operation(stated):
    actor = bytes.fromhex(stated[1])
    return stated[0].to_bytes(8, "little") + u32(len(actor)) + actor


def sized(text):
    return u32(len(text.encode())) + text.encode()


def check_agreement(vectors):
    """From the section "Agreement" of docs/schema.md."""
    for goal in vectors["goals"]:
        revision, wording = b"cairn wording revision v1", b"cairn wording v1"
        for place, key in enumerate(goal["keys"]):
            equal(key["key"], ("title", "kind", "good_enough", "wording_edit")[place], "a key")
            values = key["values"]
            revision += u32(len(values))
            for value in values:
                revision += operation(value["operation"])
                if value["elements"] is not None:
                    revision += u32(len(value["elements"]))
                    revision += b"".join(map(operation, value["elements"]))
            different = list(dict.fromkeys(value["text"] for value in values))
            if place < 3:
                wording += u32(len(different))
                wording += b"".join(u32(2**32 - 1) if text is None else sized(text)
                                    for text in different)
        revision = blake3(revision)
        equal(revision.hex(), goal["revision"], "a revision")
        equal(blake3(wording + revision).hex(), goal["wording"], "a wording")
    stated = vectors["proposal"]
    made = b"cairn proposal v1" + bytes.fromhex(stated["wording"]) + u32(len(stated["parties"]))
    made += b"".join(map(sized, stated["parties"]))
    equal(blake3(made).hex(), stated["digest"], "the digest of a proposal")


def check_messages(vectors):
    sender = bytes.fromhex(vectors["sender"])
    for vector in vectors["messages"]:
        found = message(bytes.fromhex(vector["bytes"]), sender)
        found.pop("read", None)
        stated = dict(vector["message"])
        equal(found, stated, "message")
    for vector in vectors["errors"]:
        refused(lambda data: message(data, sender), vector["bytes"], vector["why"])


def check_coding(vectors):
    document, sender = bytes.fromhex(vectors["document"]), bytes.fromhex(vectors["sender"])
    for vector in vectors["batches"]:
        chunks, salts, attestations = part(bytes.fromhex(vector["part"]), document, sender)
        found = {"name": vector["name"], "part": vector["part"], "salts": salts_shown(salts),
                 "changes": [chunk.hex() for chunk in chunks],
                 "attestations": [each.hex() for each in attestations]}
        equal(found, vector, vector["name"])
    for vector in vectors["errors"]:
        refused(lambda data: part(data, document, sender), vector["part"], vector["why"])


# [10] Ranges

def range_key(dialler, listener):
    return blake3(b"cairn range key v1" + dialler + listener)


def listed(key, item):
    document, consent, heads = item
    return {"document": blake3(b"document" + document, key)[:6].hex(),
            "consent": blake3(b"consent" + document + consent, key)[:6].hex(),
            "heads": blake3(b"heads" + document + heads, key)[:8].hex()}


def within(items, begin, end):
    first, after = begin.ljust(16, b"\0"), end.ljust(16, b"\0") if end else b"\xff" * 17
    return [item for item in items if first <= item[0] < after]


def check_ranges(vectors):
    sides = {}
    for side in ("dialler", "listener"):
        items = [tuple(map(bytes.fromhex, item)) for item in vectors[side]["items"]]
        whole = b"".join(b"".join(item) for item in items)
        made = blake3(b"cairn set fingerprint v1" + whole).hex()
        equal(made, vectors[side]["fingerprint"], f"the {side}'s fingerprint")
        sides[side] = items
    nonces = [bytes.fromhex(vectors[side]["nonce"]) for side in ("dialler", "listener")]
    key = range_key(*nonces)
    equal(key.hex(), vectors["key"], "the key")
    found = {"dialler": [], "listener": []}
    lists = {}
    for vector in vectors["messages"]:
        speaker = vector["from"]
        hearer = "listener" if speaker == "dialler" else "dialler"
        said = ranges(Reader(bytes.fromhex(vector["bytes"])[1:]))
        equal(said, vector["ranges"], "ranges")
        begin = b""
        for each in said:
            end = bytes.fromhex(each["end"])
            need(not end or end > begin, "ends do not rise")
            mine, theirs = within(sides[speaker], begin, end), within(sides[hearer], begin, end)
            if each["content"] == "fingerprint":
                whole = b"range" + b"".join(b"".join(item) for item in mine)
                equal(blake3(whole, key)[:8].hex(), each["fingerprint"], "the fingerprint of a range")
            elif each["content"] == "items":
                there = [listed(key, item) for item in mine]
                equal(there, each["items"], "the items of a range")
                lists[begin, end] = mine
                there = {item["document"]: item for item in there}
                for item in theirs:
                    here = listed(key, item)
                    other = there.get(here["document"])
                    if other is None:
                        found[hearer].append([item[0].hex(), "absent", False])
                    elif other != here:
                        consent = other["consent"] != here["consent"]
                        found[hearer].append([item[0].hex(), "consent" if consent else "heads", True])
            elif each["content"] == "differing":
                for place in each["places"]:
                    document = lists[begin, end][place >> 2][0].hex()
                    found[hearer].append([document, ("heads", "consent", "absent")[place & 3], False])
            begin = end
    for side, differing in found.items():
        equal(sorted(differing), vectors[side]["found"], f"what the {side} found")


# [9] A recorded session

def about(statement):
    """The document that a statement is about."""
    return statement["origin"]["document"] if "origin" in statement else statement.get("document")


def role(statements):
    """What the grantee may do: there is one in this session."""
    grants = [each for each in statements if each["kind"] == 3]
    replaced = {record for each in grants for record in each["replaces"]}
    return min([each["role"] for each in grants if each["record"] not in replaced], default=0)


def joined(hashes):
    return b"".join(sorted(bytes.fromhex(each) for each in hashes))


class Session:
    """What both sides have said so far."""

    def __init__(self, vectors):
        self.devices = {}
        for side in ("dialler", "listener"):
            stated = vectors[side]
            self.devices[side] = bytes.fromhex(stated["device"])
            fields = [statement(bytes.fromhex(each["bytes"])) for each in stated["roster"]]
            equal(fields, [each["fields"] for each in stated["roster"]], "a roster")
            digest = roster_digest(bytes.fromhex(each["record"]) for each in fields)
            equal(digest.hex(), stated["roster_digest"], "a roster digest")
            need(any(each["signer"] == stated["person"] for each in fields), "no first device")
        self.people = {side: vectors[side]["person"] for side in ("dialler", "listener")}
        self.owners, self.actors, self.changes, self.attested, self.refused = {}, {}, {}, [], set()
        self.consent, self.pieces = {}, {}
        self.sent = {"dialler": 0, "listener": 0}
        self.credited = {"dialler": 0, "listener": 0}

    def frame(self, side, data, found):
        other = "listener" if side == "dialler" else "dialler"
        if found["kind"] == "statements":
            for each in found["statements"]:
                if "origin" in each:
                    self.owners[each["origin"]["document"]] = each["origin"]["owner"]
                self.consent.setdefault(about(each), {})[each["record"]] = each
        elif found["kind"] == "changes":
            self.sent[side] += len(data)
            document = found["document"]
            for each in found["salts"]:
                device, salt = bytes.fromhex(each["device"]), bytes.fromhex(each["salt"])
                self.actors[actor_of(device, bytes.fromhex(document), salt)] = each["device"]
            known = self.changes.setdefault(document, {})
            found["read"] = self.from_pieces(side, document, found["after"]) + found["read"]
            for change in found["read"]:
                below = {dependency.hex() for dependency in change.dependencies}
                need(below <= known.keys() | self.refused, "a change before what it is built on")
                known[change.hash.hex()] = change
            self.attested += [(document, each) for each in found["attestations"]]
        elif found["kind"] == "piece":
            self.sent[side] += len(data)
            before = self.pieces.get((side, found["document"]), b"") if found["at"] else b""
            need(len(before) == found["at"], "a piece that does not follow")
            self.pieces[side, found["document"]] = before + found["read"]
        elif found["kind"] == "refusal":
            self.refused |= {each["change"] for each in found["changes"]}
        elif found["kind"] == "credit":
            self.credited[other] += found["bytes"]

    def from_pieces(self, side, document, length):
        """The changes in the parts that came in pieces and belong to a batch."""
        if length == 0:
            return []
        body, changes = self.pieces.pop((side, document)), []
        need(len(body) == length, "another length than the pieces have")
        r = Reader(body)
        while r.left():
            data = r.take(int.from_bytes(r.take(4), "little"))
            chunks, salts, attestations = part(data, bytes.fromhex(document), self.devices[side])
            need(not salts and not attestations, "proofs come after the pieces")
            changes += [Change(chunk) for chunk in chunks]
        return changes

    def below(self, document, heads):
        """The changes at or below heads, as far as they were sent."""
        open_, seen = list(heads), set()
        while open_:
            head = open_.pop()
            change = self.changes[document].get(head)
            if head not in seen and change:
                seen.add(head)
                open_ += [dependency.hex() for dependency in change.dependencies]
        return seen

    def heads(self, document):
        kept = {name: change for name, change in self.changes.get(document, {}).items()
                if name not in self.refused}
        below = {d.hex() for change in kept.values() for d in change.dependencies}
        return [name for name in kept if name not in below]

    def known(self):
        """Of each document what was known of it so far: statements and heads."""
        return {document: (dict(statements), self.heads(document))
                for document, statements in self.consent.items()}

    def check_set(self, side, hello, before, said):
        """The set that a hello told of: what was known before the connection, or what the side
        then said first of documents that it had changed, or granted, meanwhile."""
        first_heads, first_batch, first_statements = {}, {}, {}
        for speaker, found in said:
            if speaker != side:
                continue
            if found["kind"] == "heads":
                first_heads.setdefault(found["document"], found["heads"])
            elif found["kind"] == "changes":
                first_batch.setdefault(found["document"], found["read"])
            elif found["kind"] == "statements":
                first_statements.setdefault(about(found["statements"][0]), found["statements"])
        items = dict(before)
        for document, statements in first_statements.items():
            if document not in items and statements[0].get("origin", {}).get("owner") == self.people[side]:
                below = {d for change in first_batch[document] for d in change.dependencies}
                heads = [c.hash.hex() for c in first_batch[document] if c.hash not in below]
                items[document] = ({each["record"]: each for each in statements}, heads)
        equal(len(items), hello["documents"], f"how many documents the {side} shares")
        whole = b"cairn set fingerprint v1"
        for document, (statements, heads) in sorted(items.items()):
            heads = first_heads.get(document, heads) if role(statements.values()) else []
            whole += bytes.fromhex(document)
            whole += blake3(b"cairn set consent v1" + joined(statements))
            whole += blake3(b"cairn set heads v1" + joined(heads))
        equal(blake3(whole).hex(), hello["fingerprint"], f"the fingerprint of what the {side} shares")

    def check_end(self, vectors):
        equal(self.credited, self.sent, "credit, in bytes of kind 5,")
        equal(sorted(self.refused), sorted(vectors["refused"]), "the refusals")
        proven = {}
        for document, each in self.attested:
            covered = proven.setdefault((document, each["device"]), set())
            covered |= self.below(document, each["heads"])
        unsent = vectors["unsent"]
        for document, changes in self.changes.items():
            need(document in self.owners, "a document that nobody granted")
            need(document not in unsent["documents"], "a document that was not shared")
            for name, change in changes.items():
                need(name not in unsent["changes"], "a change after the consent ended")
                device = self.actors.get(change.actor)
                need(device, f"nobody is known to have made {name}")
                if name not in self.refused:
                    need(name in proven[document, device], f"{name} is not proven")
        for stated in vectors["documents"]:
            sent = self.changes[stated["document"]]
            kept = [name for name in sent if name not in self.refused]
            heads = sorted(self.heads(stated["document"]))
            for side in ("dialler", "listener"):
                has = stated[side]
                own = [name for name in has["changes"] if name in unsent["changes"]]
                equal(sorted([*kept, *own]), has["changes"], f"what the {side} has")
                if not own:
                    equal(heads, has["heads"], f"the heads that the {side} has")


class Questions:
    """Questions for heads on one connection: each has a number of its own and gets one answer."""

    def __init__(self):
        self.asked, self.waiting = set(), {}

    def said(self, side, found):
        other = "listener" if side == "dialler" else "dialler"
        answers = found if found["kind"] == "nothing" else found.get("answers")
        if answers:
            document = self.waiting.pop((other, answers["question"]), None)
            equal(document, found["document"], "what an answer is about")
        if found.get("asks") is not None:
            asked = (side, found["asks"])
            need(asked not in self.asked, "a second question with one number")
            self.asked.add(asked)
            self.waiting[asked] = found["document"]


def check_session(vectors):
    session = Session(vectors)
    for number, connection in enumerate(vectors["connections"]):
        hellos, before, said, questions = {}, session.known(), [], Questions()
        for place, frame in enumerate(connection["frames"]):
            where = f"frame {place} of connection {number}"
            side, data = frame["from"], bytes.fromhex(frame["bytes"])
            try:
                found = message(data, session.devices[side])
            except Malformed as error:
                raise Malformed(f"{where}: {error}") from None
            session.frame(side, data, found)
            questions.said(side, found)
            said.append((side, dict(found)))
            found.pop("read", None)
            equal(found, frame["message"], where)
            if found["kind"] == "hello":
                need(side not in hellos, f"{where} is a second hello")
                hellos[side] = found
                equal(found["own_roster"], vectors[side]["roster_digest"], where)
            else:
                need(side in hellos, f"{where} comes before the hello")
            if found["kind"] == "ranges" and len(hellos) == 2:
                nonces = [bytes.fromhex(hellos[side]["nonce"]) for side in ("dialler", "listener")]
                key = range_key(*nonces)
                known = {blake3(b"document" + bytes.fromhex(stated["document"]), key)[:6].hex()
                         for stated in vectors["documents"]}
                for each in found["ranges"]:
                    need(all(item["document"] in known for item in each.get("items", [])),
                         f"{where} lists a document that is not shared")
        need(not questions.waiting, f"connection {number} leaves a question without an answer")
        for side, hello in hellos.items():
            session.check_set(side, hello, before, said)
    session.check_end(vectors)


CHECKS = {"records": check_records, "pairing": check_pairing, "connections": check_connections,
          "messages": check_messages, "coding": check_coding, "ranges": check_ranges,
          "session": check_session, "agreement": check_agreement}


def main(arguments):
    paths = [pathlib.Path(path) for path in arguments]
    for path in paths or [FOLDER / f"{name}.json" for name in CHECKS]:
        name = path.name.split(".")[0]
        try:
            CHECKS[name](json.loads(path.read_text(encoding="utf-8")))
        except (Malformed, KeyError, IndexError, ValueError) as error:
            print(f"{path.name}: {error or type(error).__name__}", file=sys.stderr)
            return 1
        print(f"{path.name}: every byte says what it should")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
