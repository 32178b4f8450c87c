#!/usr/bin/env python3
"""A disk that loses power: an ext4 file system on a loop device on a file that FUSE serves. Needs root, /dev/fuse and
a free loop device; standard library only. Used by `tests/it/crash/power_cut.rs`.

    unshare --mount python3 bench/power_cut_disk.py IMAGE FOLDER SEED COMMAND...

Mounts the ext4 image IMAGE at FOLDER, in this mount namespace, and becomes COMMAND. Writes of the kernel to the
device stay in memory until the kernel flushes the device, as in a drive's cache; only then are they in IMAGE. After
SIGUSR1 to the process with the id in IMAGE.pid the power fails at one of the next requests, so that it is often in
the middle of a commit: each unflushed sector of 512 bytes reaches IMAGE or not, at random from SEED, and every
further request fails. A report is written to IMAGE.cut; the caller then has to kill COMMAND. When COMMAND ends, the
disk ends too.
"""

import ctypes
import json
import os
import pathlib
import random
import select
import signal
import struct
import subprocess
import sys

SECTOR = 512
MOST_WRITTEN = 128 * 1024
# The power fails at one of this many next writes and flushes, and after this time at the latest.
CUT_WITHIN = 12
CUT_SECONDS = 1
# The operations of linux/fuse.h that a single file needs; every other is answered with ENOSYS.
GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 3, 4, 14, 15, 16, 17, 18, 20, 25, 26
# These have no answer.
FORGET, INTERRUPT, BATCH_FORGET = 2, 36, 42
REQUEST = struct.Struct("<IIQQIIIHH")
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
EIO, ENOSYS = 5, 38


class Disk:
    """The flushed sectors, in the image, and those that a power cut may lose, in the order of writing."""

    def __init__(self, image, seed):
        self.image = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.image).st_size
        self.unflushed = []
        # The latest content of each sector in `unflushed`, for reads.
        self.cached = {}
        self.flushes = 0
        self.chance = random.Random(seed)
        self.has_power = True
        # The number of writes and flushes left before the cut, once it was requested.
        self.left = None

    def arm(self):
        self.left = self.chance.randrange(CUT_WITHIN)

    def wears(self):
        """Counts a write or flush; returns whether the cut happens at it."""
        if self.left is not None:
            self.left -= 1
        return self.left is not None and self.left < 0

    def read(self, offset, size):
        data = bytearray(os.pread(self.image, size, offset))
        if self.cached:
            for at in range(0, len(data), SECTOR):
                if newer := self.cached.get((offset + at) // SECTOR):
                    data[at : at + SECTOR] = newer
        return data

    def write(self, offset, data):
        if offset % SECTOR or len(data) % SECTOR:
            raise ValueError(f"{len(data)} bytes at {offset}: not in sectors")
        for at in range(0, len(data), SECTOR):
            sector = (offset + at) // SECTOR, bytes(data[at : at + SECTOR])
            self.unflushed.append(sector)
            self.cached[sector[0]] = sector[1]

    def flush(self):
        self.keep(self.cached.items())
        self.unflushed, self.cached = [], {}
        self.flushes += 1

    def cut(self):
        """Keeps none, all or a random part of the unflushed sectors."""
        share = self.chance.choice([0, 0.1, 0.5, 0.9, 1])
        kept = [sector for sector in self.unflushed if self.chance.random() < share]
        self.keep(kept)
        self.has_power = False
        return {"flushes": self.flushes, "unflushed_sectors": len(self.unflushed), "kept_sectors": len(kept)}

    def keep(self, sectors):
        for number, data in sectors:
            os.pwrite(self.image, data, number * SECTOR)


class Server:
    """Answers the kernel's requests for the file."""

    def __init__(self, device, disk, life):
        self.device, self.disk, self.life = device, disk, life
        self.buffer = bytearray(MOST_WRITTEN + 64 * 1024)
        self.on_cut = None

    def run(self, on_cut):
        """Serves until the other end of `life` is closed. A byte on the pipe of signals requests the cut."""
        self.on_cut = on_cut
        signals, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.set_wakeup_fd(wake)
        while True:
            is_armed = self.disk.has_power and self.disk.left is not None
            ready, _, _ = select.select([signals, self.life, self.device], [], [], CUT_SECONDS if is_armed else None)
            if not ready:
                self.cut()
            if signals in ready:
                os.read(signals, 16)
                self.disk.arm()
            if self.life in ready:
                return
            if self.device in ready:
                self.serve_one()

    def cut(self):
        if self.disk.has_power:
            self.on_cut(self.disk.cut())

    def serve_one(self):
        try:
            length = os.readv(self.device, [self.buffer])
        except OSError:
            # The request was withdrawn, or the file is not mounted any more.
            return
        _, operation, unique, *_ = REQUEST.unpack_from(self.buffer)
        if operation in (FORGET, INTERRUPT, BATCH_FORGET):
            return
        error, answer = self.answer(operation, memoryview(self.buffer)[REQUEST.size : length])
        try:
            os.writev(self.device, [struct.pack("<IiQ", 16 + len(answer), -error, unique), answer])
        except OSError:
            return

    def answer(self, operation, body):
        if operation == INIT:
            return 0, self.greet(body)
        if operation in (WRITE, FSYNC) and self.disk.has_power and self.disk.wears():
            if operation == WRITE:
                self.write(body)
            self.cut()
        if not self.disk.has_power:
            return EIO, b""
        if operation in (GETATTR, SETATTR):
            return 0, struct.pack("<QII", 3600, 0, 0) + self.attributes()
        if operation == OPEN:
            return 0, struct.pack("<QIi", 1, 0, 0)
        if operation == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return 0, self.disk.read(offset, size)
        if operation == WRITE:
            return 0, struct.pack("<II", self.write(body), 0)
        if operation == FSYNC:
            self.disk.flush()
            return 0, b""
        if operation in (FLUSH, RELEASE):
            return 0, b""
        if operation == STATFS:
            return 0, struct.pack("<QQQQQIIII24x", self.disk.size // 4096, 0, 0, 1, 0, 4096, 255, 4096, 0)
        return ENOSYS, b""

    def write(self, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        self.disk.write(offset, body[40 : 40 + size])
        return size

    @staticmethod
    def greet(body):
        _, _, readahead, offered = struct.unpack_from("<IIII", body)
        # No write-back cache in the kernel: a write arrives here before the program's call returns.
        flags = offered & (BIG_WRITES | MAX_PAGES)
        pages = MOST_WRITTEN // 4096
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, readahead, flags, 16, 12, MOST_WRITTEN, 1, pages, 0, 0)

    def attributes(self):
        size = self.disk.size
        return struct.pack("<QQQQQQIIIIIIIIII", 1, size, size // 512, 0, 0, 0, 0, 0, 0, 0o100600, 1, 0, 0, 0, 4096, 0)


def main():
    image, folder, seed, command = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    file = pathlib.Path(f"{image}.disk")
    file.touch()
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=100600,user_id=0,group_id=0,max_read={MOST_WRITTEN}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"lotline-disk", os.fsencode(file), b"fuse", 0, options.encode()) != 0:
        sys.exit(f"cannot mount the disk: {os.strerror(ctypes.get_errno())}")
    life, held = os.pipe()
    if os.fork() == 0:
        os.close(held)
        serve(device, Disk(image, seed), life, image)
        # Closed explicitly: at process exit the namespace would end first, and wait for an answer from here.
        os.close(device)
        os._exit(0)
    os.close(device)
    os.close(life)
    run("mount", "-t", "ext4", "-o", "loop,noatime", file, folder)
    # The command keeps the pipe's end open until it ends.
    os.set_inheritable(held, True)
    os.execvp(command[0], command)


def serve(device, disk, life, image):
    told = pathlib.Path(f"{image}.cut")
    told.unlink(missing_ok=True)
    pathlib.Path(f"{image}.pid").write_text(str(os.getpid()))

    def tell(report):
        fresh = told.with_suffix(".fresh")
        fresh.write_text(json.dumps(report))
        fresh.rename(told)

    Server(device, disk, life).run(tell)


def run(*words):
    subprocess.run([str(word) for word in words], check=True)


if __name__ == "__main__":
    main()
