#!/usr/bin/env python3
"""Packs a bundle anew by Zopfli: the same format as before, some percent smaller. The order, the
names and the times of its entries stay.

usage: smaller.py BUNDLE_JAR
"""

import os
import sys
import zipfile

import zopfli


def main(bundle):
    smaller = bundle + ".smaller"
    with zipfile.ZipFile(bundle) as old, zopfli.ZipFile(
        smaller, "w", zipfile.ZIP_DEFLATED, iterations=3
    ) as new:
        for entry in old.infolist():
            copy = zipfile.ZipInfo(entry.filename, entry.date_time)
            copy.compress_type = entry.compress_type
            copy.external_attr = entry.external_attr
            copy.create_system = entry.create_system
            new.writestr(copy, old.read(entry))
    os.replace(smaller, bundle)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
