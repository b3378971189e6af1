#!/usr/bin/env python3
"""What is inside the bundle, for those who have to account for it.

usage: inventory.py OUT

Writes into OUT
    THIRD-PARTY.txt       every crate in the native library, its version, its licence and the licence's text
    sbom-rust.cdx.json    the same crates, CycloneDX 1.5
    sbom-java.cdx.json    the Java side; what the host supplies is named as such

The same Cargo.lock gives the same bytes: no time, no path, no random number.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGETS = [
    f"{cpu}-unknown-linux-{libc}" for cpu in ("x86_64", "aarch64") for libc in ("gnu", "musl")
]
TEXTS = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def crates_of(target):
    """The packages that are linked into the library, and which of them needs which."""
    metadata = json.loads(
        subprocess.run(
            ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    )
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(id for id in nodes if packages[id]["name"] == "failover-jni")
    found, waiting = {}, [root]
    while waiting:
        id = waiting.pop()
        if id in found:
            continue
        needed = [
            dependency["pkg"]
            for dependency in nodes[id]["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
            and not is_macro(packages[dependency["pkg"]])
        ]
        found[id] = needed
        waiting += needed
    return packages, found


def is_macro(package):
    """Runs in the compiler, and is no part of what it makes."""
    return any("proc-macro" in target["kind"] for target in package["targets"])


def licence_texts(package):
    folder = pathlib.Path(package["manifest_path"]).parent
    for file in sorted(folder.iterdir()):
        if file.is_file() and TEXTS.match(file.name):
            yield file.name, file.read_text(encoding="utf-8", errors="replace").strip()


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def licences(expression):
    return [{"expression": (expression or "NOASSERTION").replace("/", " OR ")}]


def component(package, checksums):
    entry = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "licenses": licences(package["license"]),
        "purl": purl(package),
    }
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


def checksums_of_lock():
    found = {}
    for block in (ROOT / "Cargo.lock").read_text(encoding="utf-8").split("[[package]]"):
        fields = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.MULTILINE))
        if "checksum" in fields:
            found[fields["name"], fields["version"]] = fields["checksum"]
    return found


def bom(subject, components, dependencies):
    body = {
        "metadata": {"component": subject},
        "components": components,
        "dependencies": dependencies,
    }
    # A serial number that follows from what is inside.
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.UUID(digest[:32])}",
        "version": 1,
        **body,
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def rust(out, version):
    packages, needs = {}, {}
    for target in TARGETS:
        named, found = crates_of(target)
        packages.update(named)
        for id, needed in found.items():
            needs.setdefault(id, set()).update(needed)
    checksums = checksums_of_lock()
    ids = sorted(needs, key=lambda id: (packages[id]["name"], packages[id]["version"]))
    theirs = [id for id in ids if packages[id]["source"]]

    subject = component(next(packages[id] for id in ids if packages[id]["name"] == "failover-jni"), {})
    write_json(
        out / "sbom-rust.cdx.json",
        bom(
            subject,
            [component(packages[id], checksums) for id in ids if packages[id]["name"] != "failover-jni"],
            [
                {
                    "ref": purl(packages[id]),
                    "dependsOn": sorted(purl(packages[needed]) for needed in needs[id]),
                }
                for id in ids
            ],
        ),
    )

    lines = [
        f"Third-party software in Model Failover {version}",
        "",
        f"The native library contains these {len(theirs)} crates from crates.io, and Rust's standard library",
        "(MIT OR Apache-2.0). The Java side contains nothing of others.",
        "",
    ]
    texts = {}
    missing = []
    for id in theirs:
        package = packages[id]
        lines.append(f"{package['name']} {package['version']}: {package['license']}")
        found = list(licence_texts(package))
        if not found:
            by = f", by {', '.join(package['authors'])}" if package["authors"] else ""
            missing.append(f"{package['name']} {package['version']}{by}")
        for name, text in found:
            texts.setdefault(text, []).append(f"{package['name']} {package['version']} ({name})")
    if missing:
        lines += ["", "Without a file of their own for the licence named above: " + "; ".join(missing)]
    for text, users in sorted(texts.items(), key=lambda item: item[1]):
        lines += ["", "-" * 80, *users, "-" * 80, "", text]
    (out / "THIRD-PARTY.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def java(out, version):
    build = (ROOT / "build.gradle").read_text(encoding="utf-8")
    synapse = re.search(r"synapseVersion = '([^']+)'", build)[1]
    ours = f"pkg:maven/org.modelfailover/model-failover@{version}"
    subject = {
        "type": "library",
        "bom-ref": ours,
        "group": "org.modelfailover",
        "name": "model-failover",
        "version": version,
        "licenses": licences("Apache-2.0"),
        "purl": ours,
    }
    # Compiled against, never packed: the host has them, in its own versions.
    supplied = [
        ("org.apache.synapse", "synapse-core", synapse, "Apache-2.0"),
        ("org.osgi", "osgi.core", "6.0.0", "Apache-2.0"),
    ]
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:maven/{group}/{name}@{number}",
            "group": group,
            "name": name,
            "version": number,
            "scope": "excluded",
            "description": "Supplied by the host, not in the bundle",
            "licenses": licences(licence),
            "purl": f"pkg:maven/{group}/{name}@{number}",
        }
        for group, name, number, licence in supplied
    ]
    dependencies = [{"ref": ours, "dependsOn": [entry["bom-ref"] for entry in components]}]
    write_json(out / "sbom-java.cdx.json", bom(subject, components, dependencies))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    version = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    rust(out, version)
    java(out, version)


if __name__ == "__main__":
    main()
