"""How often the passage that answers a question is among those that a model is given, by words and by meaning too.

`python -m benchmarks.retrieval HOST MODEL` asks a real Ollama at HOST for the vectors of a made-up handbook: 24 facts
on 240 pages of other things, each asked for twice, in its own words and in none of them.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid

from confchat.documents.document import Document
from confchat.documents.retrieval import Nearness, cut_passages, select_passages
from confchat.documents.vectors import Vectors
from confchat.embedding import Embedder
from confchat.llm.ollama import OllamaModel

PAGES = 240
ROOMS = (3_000, 6_000, 12_000)

# What the handbook says, a question in its words, and one in others.
FACTS = (
    (
        "The boiler is serviced every eleven months.",
        "When is the boiler serviced?",
        "How often does the heater get maintenance?",
    ),
    ("Guests park behind the bakery.", "Where do guests park?", "In which spot may visitors leave their car?"),
    (
        "Invoices above 900 euros need two signatures.",
        "Which invoices need two signatures?",
        "Who must approve expensive bills?",
    ),
    (
        "The cellar floods when the river rises.",
        "When does the cellar flood?",
        "What happens to the basement in high water?",
    ),
    (
        "Annual leave is requested from Mrs. Okafor.",
        "From whom is annual leave requested?",
        "Who decides about my holidays?",
    ),
    (
        "The spare key hangs in the laundry.",
        "Where does the spare key hang?",
        "How do I get in if I locked myself out?",
    ),
    ("Dogs are allowed on the terrace only.", "Where are dogs allowed?", "May I bring my pet?"),
    (
        "Wine is stored at twelve degrees.",
        "At how many degrees is wine stored?",
        "How cold should the bottles of Bordeaux be kept?",
    ),
    (
        "The lift carries at most six persons.",
        "How many persons does the lift carry?",
        "What is the capacity of the elevator?",
    ),
    ("Salaries are paid on the 27th.", "When are salaries paid?", "On which day do employees get their money?"),
    ("The roof was renewed in 1998.", "When was the roof renewed?", "How old are the tiles on top of the building?"),
    (
        "Smoke detectors are tested each March.",
        "When are smoke detectors tested?",
        "Which month is the fire alarm checked?",
    ),
    ("The nurse comes on Tuesdays.", "On which day does the nurse come?", "When can I see medical staff?"),
    (
        "Rubbish goes out before seven in the morning.",
        "When does rubbish go out?",
        "How early must the trash be on the street?",
    ),
    (
        "The password of the printer is on its back.",
        "Where is the password of the printer?",
        "How do I log in to the machine that makes copies?",
    ),
    ("Children swim with a teacher.", "With whom do children swim?", "May kids use the pool alone?"),
    (
        "The library closes at nine in winter.",
        "When does the library close in winter?",
        "How late can I borrow books in January?",
    ),
    (
        "Broken glass is reported to the porter.",
        "To whom is broken glass reported?",
        "Whom do I tell about a smashed window?",
    ),
    ("The choir rehearses in the chapel.", "Where does the choir rehearse?", "In which place do the singers practise?"),
    ("Coffee is free for volunteers.", "For whom is coffee free?", "Do unpaid helpers have to buy their espresso?"),
    (
        "The generator runs on diesel.",
        "What does the generator run on?",
        "Which fuel gives us electricity in a blackout?",
    ),
    ("Bees live behind the greenhouse.", "Where do bees live?", "In what corner of the garden could I be stung?"),
    (
        "The treasurer is elected for two years.",
        "For how long is the treasurer elected?",
        "What is the term of office for who handles finances?",
    ),
    ("Bicycles are repaired by Yusuf.", "Who repairs bicycles?", "My bike has a flat tyre, who fixes it?"),
)
OTHER = (
    "The committee discussed the minutes of the previous meeting and how they may be kept in good order. ",
    "What was said about the plans is the same as in former years, and who wants to know more may ask the office. ",
    "On the day of the festival the street is closed, and each of the groups has a place where it may meet. ",
    "When it rains the tables are taken in, which is done by those who are there, and in the end all is dry. ",
)


def handbook() -> Document:
    """Return the made-up handbook, its facts spread evenly."""
    pages = ["".join(OTHER[(number + at) % len(OTHER)] for at in range(11)) for number in range(PAGES)]
    for at, (fact, _, _) in enumerate(FACTS):
        page = at * (PAGES // len(FACTS)) + 5
        pages[page] = pages[page][:500] + fact + " " + pages[page][500:]
    return Document(uuid=str(uuid.uuid4()), name="handbook", kind="pdf", size=1, unit="page", pages=tuple(pages))


async def measure(host: str, name: str) -> None:
    """Print how many questions find their passage, for each room and ranking."""
    document, model = handbook(), OllamaModel(host)
    embedding, embedder = await model.describe(name), Embedder(model, wait_s=900)
    kept: dict[str, Vectors] = {}

    async def read(asked: Document) -> Vectors | None:
        return kept.get(asked.uuid)

    async def keep(asked: Document, vectors: Vectors) -> None:
        kept[asked.uuid] = vectors

    async def near(question: str) -> Nearness | None:
        return await embedder.nearness(("", "", b""), [document], question, embedding=embedding, read=read, keep=keep)

    started = time.monotonic()
    await near("?")
    count = sum(1 for _ in cut_passages(document))
    print(f"{embedding.backend} {name}: {count} passages in {time.monotonic() - started:.1f} s")
    for kind, label in ((1, "in its words"), (2, "in others")):
        known = {fact[kind]: await near(fact[kind]) for fact in FACTS}
        for room in ROOMS:
            found = [
                sum(
                    any(
                        fact[0] in passage.text
                        for passage in select_passages([document], fact[kind], room=room, nearness=by)
                    )
                    for fact in FACTS
                    for by in ([known[fact[kind]]] if is_hybrid else [None])
                )
                for is_hybrid in (False, True)
            ]
            print(f"asked {label}, {room} bytes: by words {found[0]}, by words and meaning {found[1]} of {len(FACTS)}")
    await model.close()


if __name__ == "__main__":
    asyncio.run(measure(sys.argv[1], sys.argv[2]))
