"""How long a search takes among 10 000 messages in English, Japanese and Chinese: `python -m benchmarks.search`."""

from __future__ import annotations

import random
import statistics
import time
import uuid

from confchat.search_index import SearchIndex, Words

CONVERSATIONS, MESSAGES = 500, 20
ROUNDS = 20
QUERIES = ("rain", "the", "rain forest", "雨", "雨の日", "天气预报", "q", "zzzz")
ENGLISH = ("the", "rain", "in", "a", "forest", "falls", "on", "green", "leaves", "while", "people", "write", "letters")
JAPANESE = ("雨の日には", "森の中で", "手紙を書く", "天気予報を見て", "静かに", "歩く。")
CHINESE = ("下雨的时候", "看天气预报", "在森林里", "写一封信", "安静地", "走路。")


def main() -> None:
    """Fill an index, search it, print figures."""
    chance, index = random.Random(1), SearchIndex()
    size, started = 0, time.perf_counter()
    for _ in range(CONVERSATIONS):
        conversation = str(uuid.UUID(int=chance.getrandbits(128)))
        texts = [_text(chance) for _ in range(MESSAGES)]
        size += sum(len(text.encode()) for text in texts)
        words = [Words(conversation=conversation, message=str(number), text=text) for number, text in enumerate(texts)]
        index.replace(conversation, change=1, words=words)
    print(f"{CONVERSATIONS * MESSAGES} messages, {size / 1e6:.1f} MB: indexed in {time.perf_counter() - started:.2f} s")
    for query in QUERIES:
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            hits = index.search(query)
            times.append(1000 * (time.perf_counter() - begun))
        print(f"{query:12} {len(hits):3} hits  median {statistics.median(times):6.1f} ms  worst {max(times):6.1f} ms")


def _text(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.6:
        return " ".join(chance.choices(ENGLISH, k=chance.randrange(10, 160)))
    return "".join(chance.choices(JAPANESE if kind < 0.8 else CHINESE, k=chance.randrange(5, 60)))


if __name__ == "__main__":
    main()
