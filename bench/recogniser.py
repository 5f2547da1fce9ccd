"""How many lines the recogniser reads in one second of CPU: metric lines, lines without metrics, and mixtures."""

from __future__ import annotations

import argparse
import random
import time

from exptrack.record.metrics import Recogniser


def lines(kind: str, n: int) -> bytes:
    rng = random.Random(0)
    if kind == "metrics":
        return "".join(f"step {i} loss={1 / (i + 1):.6f} acc={1 - 1 / (i + 2):.6f}\n" for i in range(n)).encode()
    if kind == "prose":
        return "".join(f"worker {i % 7} has read shard {i} of the data set in good time\n" for i in range(n)).encode()
    if kind == "words":
        words = "alpha beta delta stone water cloud river field paper light house green".split()
        return "".join(" ".join(rng.choices(words, k=8)) + "\n" for _ in range(n)).encode()
    if kind == "access":
        return "".join(
            f'10.0.{i % 255}.{i % 13} - - [10/Oct/2025:13:55:{i % 60:02}] "GET /p/{i} HTTP/1.1" 200 {i * 7 % 9000} "-" "curl/8"\n'
            for i in range(n)
        ).encode()
    if kind == "listing":
        return "".join(
            f"-rw-r--r-- 1 root root {rng.randrange(10**6)} Nov {i % 28 + 1} 21:54 lib{rng.choice('abcdefgh')}{rng.randrange(10**9):x}.so\n"
            for i in range(n)
        ).encode()
    if kind == "mixed":
        return "".join(
            f"Epoch: [{i // 100}][{i % 100}/100]\tTime 0.{i % 9}1 (0.5)\tLoss {rng.random():.4e} ({rng.random():.4e})\tAcc@1 {rng.random() * 100:.2f} (50.0)\n"
            if i % 5
            else f"2026-01-01 10:00:00,{i % 1000:03} - INFO - saved checkpoint {i}\n"
            for i in range(n)
        ).encode()
    if kind == "json":
        return "".join(f'{{"step": {i}, "loss": {rng.random()}, "acc": {rng.random()}}}\n' for i in range(n)).encode()
    return "".join(
        f"\rEpoch 1:  37%|###       | {i}/{n} [00:01<00:02, 9.5it/s, loss={rng.random():.3f}]" for i in range(n)
    ).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument(
        "kinds", nargs="*", default=["metrics", "prose", "words", "access", "listing", "mixed", "json", "bar"]
    )
    a = parser.parse_args()
    for kind in a.kinds:
        n = a.lines if kind not in ("json", "bar", "listing") else a.lines // 6
        data = lines(kind, n)
        recogniser, points, start = Recogniser(), 0, time.process_time()
        for at in range(0, len(data), 65536):
            points += len(recogniser.feed(data[at : at + 65536]))
        points += len(recogniser.close())
        took = time.process_time() - start
        print(f"{kind:10} {n / took:12,.0f} lines/s {len(data) / took / 1e6:8.1f} MB/s {points:9,} points")


if __name__ == "__main__":
    main()
