"""The product's own settings in an empty data directory, whatever the environment of the person who runs the tests."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

DATA_DIR = Path(tempfile.mkdtemp(prefix="confchat-tests-"))
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)

# Where the tests of `tests/faults/test_postgresql.py` want all of the others' database to be.
DATABASE_URL = os.environ.get("CONFCHAT_TESTS_DATABASE_URL", "")
for name in [*os.environ]:
    if name.startswith("CONFCHAT_") or name in ("HOST", "PORT", "OLLAMA_HOST"):
        del os.environ[name]
os.environ.update(
    CONFCHAT_DATA_DIR=str(DATA_DIR),
    CONFCHAT_DEVELOPMENT="1",
    CONFCHAT_SECRET_KEY="only-for-tests-" + "0" * 40,
    CONFCHAT_DATABASE_URL=DATABASE_URL,
)

# Read from the environment as it is now.
from confchat import settings as product

globals().update({name: getattr(product, name) for name in dir(product) if name.isupper()})

if DATABASE_URL:
    # Other threads' connections end with what they did: the tests' database is dropped in the end.
    product.DATABASES["default"]["CONN_MAX_AGE"] = 0
else:
    # A file, as in the product: SQLite's shared memory database locks in other ways.
    product.DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
# The real hasher costs 0.2 s for each account and is exercised by the tests that start the product.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
