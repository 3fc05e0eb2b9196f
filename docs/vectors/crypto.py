"""BLAKE3, Ed25519 and ChaCha20-Poly1305 for decode.py, short and slow: Python's standard library has
none of them."""

import hashlib
import hmac
import struct

# BLAKE3, after its specification (https://github.com/BLAKE3-team/BLAKE3-specs).
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MIXED = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
         (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
CHUNK_START, CHUNK_END, PARENT, ROOT, KEYED = 1, 2, 4, 8, 16


def compress(chaining, block, length, counter, flags):
    message = list(struct.unpack("<16I", block.ljust(64, b"\0")))
    v = [*chaining, *IV[:4], counter & 0xFFFFFFFF, counter >> 32, length, flags]
    for turn in range(7):
        for index, (a, b, c, d) in enumerate(MIXED):
            for word, left, right in ((message[2 * index], 16, 12), (message[2 * index + 1], 8, 7)):
                v[a] = (v[a] + v[b] + word) & 0xFFFFFFFF
                mixed = v[d] ^ v[a]
                v[d] = (mixed >> left | mixed << (32 - left)) & 0xFFFFFFFF
                v[c] = (v[c] + v[d]) & 0xFFFFFFFF
                mixed = v[b] ^ v[c]
                v[b] = (mixed >> right | mixed << (32 - right)) & 0xFFFFFFFF
        message = [message[place] for place in PERMUTATION]
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def blake3(data, key=None):
    start, keyed = (struct.unpack("<8I", key), KEYED) if key else (IV, 0)

    def node(data, counter, root):
        if len(data) <= 1024:
            blocks = [data[i:i + 64] for i in range(0, len(data), 64)] or [b""]
            value = start
            for place, block in enumerate(blocks):
                last = place == len(blocks) - 1
                flags = keyed | (CHUNK_START if place == 0 else 0)
                flags |= (CHUNK_END | root) if last else 0
                value = compress(value, block, len(block), counter, flags)
            return value
        left = 1024
        while left * 2 < len(data):
            left *= 2
        words = node(data[:left], counter, 0) + node(data[left:], counter + left // 1024, 0)
        return compress(start, struct.pack("<16I", *words), 64, 0, keyed | PARENT | root)

    return struct.pack("<8I", *node(data, 0, ROOT))


# Ed25519, after RFC 8032, strictly: no points of small order, S below the order, no cofactor.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    sum_ = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            sum_ = add(sum_, point)
        point, scalar = add(point, point), scalar >> 1
    return sum_


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def point(encoded):
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verifies(key, message, signature):
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER or len(signature) != 64:
        return False
    if any(same(times(8, each), (0, 1, 1, 0)) for each in (a, r)):
        return False
    hashed = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(hashed, "little") % ORDER
    return same(times(s, BASE), add(r, times(k, a)))


# bs58check, as Bitcoin and automerge's URLs have it.
LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58_check(data):
    data += hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = LETTERS[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


# HKDF with SHA-256, after RFC 5869.
def hkdf(salt, key, info, length):
    key = hmac.digest(salt, key, "sha256")
    block, out = b"", b""
    while len(out) < length:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


# ChaCha20-Poly1305, after RFC 8439, without associated data.
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
            (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def chacha_block(key, nonce, counter):
    state = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key), counter,
             *struct.unpack("<3I", nonce)]
    v = list(state)
    for _ in range(10):
        for a, b, c, d in QUARTERS:
            for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                v[x] = (v[x] + v[y]) & 0xFFFFFFFF
                mixed = v[z] ^ v[x]
                v[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF
    return struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(v, state)))


def opened(key, nonce, sealed):
    """The content, or None if somebody else sealed it."""
    text, tag = sealed[:-16], sealed[-16:]
    one_time = chacha_block(key, nonce, 0)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    padded = text + bytes(-len(text) % 16) + struct.pack("<2Q", 0, len(text))
    total = 0
    for start in range(0, len(padded), 16):
        block = int.from_bytes(padded[start:start + 16] + b"\1", "little")
        total = (total + block) * r % (2**130 - 5)
    total += int.from_bytes(one_time[16:32], "little")
    if (total % 2**128).to_bytes(16, "little") != tag:
        return None
    stream = b"".join(chacha_block(key, nonce, 1 + i) for i in range(-(-len(text) // 64)))
    return bytes(x ^ y for x, y in zip(text, stream))
