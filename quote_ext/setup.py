"""Build the extension into this directory: `python quote_ext/setup.py build_ext --inplace`.

Run from anywhere. C files and objects go to `build/` beside this package.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

PACKAGE = Path(__file__).resolve().parent
BUILD = PACKAGE.parent / "build"
MODULES = ("_configfs", "_driver", "_library", "_qgs")

# From inside the package, setuptools reads no project file of the repository.
with contextlib.chdir(PACKAGE):
    setup(
        name="quote_ext",
        packages=["quote_ext"],
        package_dir={"quote_ext": "."},
        ext_modules=cythonize(
            [
                Extension(
                    f"quote_ext.{name}",
                    [f"{name}.pyx"],
                    include_dirs=[str(PACKAGE)],
                    extra_compile_args=["-Wall", "-Wextra"],
                )
                for name in MODULES
            ],
            build_dir=str(BUILD),
            include_path=[str(PACKAGE.parent)],
        ),
        options={"build": {"build_base": str(BUILD)}},
    )
