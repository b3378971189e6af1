#!/usr/bin/env python3
"""What is inside the bundle, for those who have to account for it.

usage: build/cross/bin/python packaging/inventory.py OUT      (tools/cross.sh makes that Python)

Writes into OUT
    THIRD-PARTY.txt       every crate in the native library and what Zig links into it, with version, licence and the
                          licence's text; it fails when one has no text
    sbom-rust.cdx.json    the same crates, CycloneDX 1.5
    sbom-java.cdx.json    the Java side; what the host supplies is named as such

The same Cargo.lock gives the same bytes: no time, no path, no random number.
"""

import hashlib
import importlib.metadata
import importlib.util
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
# The text of a licence, for crates that are published without their own.
STANDARD = {
    "0BSD": ROOT / "packaging/licences/0BSD.txt",
    "Apache-2.0": ROOT / "LICENSE",
    "MIT": ROOT / "packaging/licences/MIT.txt",
}
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


def texts_of(package, others):
    """Whose text and the text: the crate's own files, those of another crate of its repository, or the standard text."""
    title = f"{package['name']} {package['version']}"
    relatives = [
        other
        for other in others
        if package["repository"]
        and (other["repository"], other["license"]) == (package["repository"], package["license"])
    ]
    for source in [package, *relatives]:
        found = list(licence_texts(source))
        if found:
            whose = "" if source is package else f" of {source['name']} {source['version']}, from the same repository"
            return [(f"{title} ({name}{whose})", text) for name, text in found]
    for name in re.split(r"\s+OR\s+|/", package["license"] or ""):
        if name in STANDARD:
            holder = ", ".join(package["authors"]) or package["repository"] or "not named"
            text = STANDARD[name].read_text(encoding="utf-8").strip()
            return [(f"{title} ({name}; published without a licence file; holder: {holder})", text)]
    sys.exit(f"inventory.py: no licence text for {title}: {package['license']}")


def linked_by_zig():
    """What Zig links into a library beside the crates: name, version, licence and its file."""
    found = importlib.util.find_spec("ziglang")
    if not found:
        sys.exit("inventory.py: ziglang is not there; run it with build/cross/bin/python")
    folder = pathlib.Path(found.origin).parent
    version = importlib.metadata.version("ziglang")
    return [
        ("LLVM libunwind", f"of Zig {version}", "Apache-2.0 WITH LLVM-exception", folder / "lib/libunwind/LICENSE.TXT"),
        ("compiler-rt", f"of Zig {version}", "MIT", folder / "LICENSE"),
    ]


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


def zig_component(name, number, licence, _file):
    return {
        "type": "library",
        "bom-ref": name,
        "name": name,
        "version": number.rsplit(" ", 1)[1],
        "description": f"The one {number}, linked into the library",
        "licenses": licences(licence),
    }


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

    zig = linked_by_zig()
    subject = component(next(packages[id] for id in ids if packages[id]["name"] == "failover-jni"), {})
    write_json(
        out / "sbom-rust.cdx.json",
        bom(
            subject,
            [component(packages[id], checksums) for id in ids if packages[id]["name"] != "failover-jni"]
            + [zig_component(*part) for part in zig],
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
        f"The native library contains these {len(theirs)} crates from crates.io, what Zig links into it, and Rust's standard",
        f"library (MIT OR Apache-2.0). The Java side contains XZ for Java {xz()} (0BSD).",
        "",
    ]
    texts = {}
    for id in theirs:
        package = packages[id]
        lines.append(f"{package['name']} {package['version']}: {package['license']}")
        for user, text in texts_of(package, [packages[other] for other in theirs if other != id]):
            texts.setdefault(text, []).append(user)
    for name, number, licence, file in zig:
        lines.append(f"{name} {number}: {licence}")
        texts.setdefault(file.read_text(encoding="utf-8").strip(), []).append(f"{name} {number}")
    texts.setdefault(STANDARD["Apache-2.0"].read_text(encoding="utf-8").strip(), []).append("Rust's standard library")
    texts.setdefault(STANDARD["0BSD"].read_text(encoding="utf-8").strip(), []).append(f"XZ for Java {xz()}")
    for text, users in sorted(texts.items(), key=lambda item: item[1]):
        lines += ["", "-" * 80, *users, "-" * 80, "", text]
    (out / "THIRD-PARTY.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def gradle_version(name):
    build = (ROOT / "build.gradle").read_text(encoding="utf-8")
    return re.search(rf"{name}Version = '([^']+)'", build)[1]


def xz():
    return gradle_version("xz")


def java(out, version):
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
        ("org.apache.synapse", "synapse-core", gradle_version("synapse"), "Apache-2.0"),
        ("com.google.code.gson", "gson", gradle_version("gson"), "Apache-2.0"),
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
    packed = f"pkg:maven/org.tukaani/xz@{xz()}"
    components.append(
        {
            "type": "library",
            "bom-ref": packed,
            "group": "org.tukaani",
            "name": "xz",
            "version": xz(),
            "licenses": licences("0BSD"),
            "purl": packed,
        }
    )
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
