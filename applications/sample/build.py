#!/usr/bin/env python3
"""Builds the sample application's WAR: build.py OUTPUT

Needs what a Tomcat server has anyway (Debian: tomcat10, which brings a JRE and the Eclipse compiler that Tomcat
uses for JSPs); no JDK. The same sources give the same bytes: order and times of the entries are fixed, and they
are stored rather than compressed, because compressed bytes depend on the build of zlib.
"""
import pathlib
import subprocess
import sys
import tempfile
import zipfile

SOURCE = pathlib.Path(__file__).resolve().parent / "source"
JARS = pathlib.Path("/usr/share/java")
COMPILER = "org.eclipse.jdt.internal.compiler.batch.Main"
# The earliest time that the format knows.
TIME = (1980, 1, 1, 0, 0, 0)


def compile_to(folder: pathlib.Path) -> None:
    sources = sorted((SOURCE / "java").rglob("*.java"))
    subprocess.run(
        ["java", "-cp", JARS / "eclipse-jdt-core.jar", COMPILER, "-17", "-encoding", "UTF-8", "-g", "-proc:none",
         "-classpath", JARS / "tomcat10-servlet-api.jar", "-d", folder, *sources],
        check=True,
    )


def pack(output: pathlib.Path, folders: dict[str, pathlib.Path]) -> None:
    files = {
        prefix + file.relative_to(folder).as_posix(): file
        for prefix, folder in folders.items()
        for file in folder.rglob("*")
        if file.is_file()
    }
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as war:
        for name, file in sorted(files.items()):
            entry = zipfile.ZipInfo(name, TIME)
            entry.external_attr = 0o100644 << 16
            war.writestr(entry, file.read_bytes())


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as classes:
        compile_to(pathlib.Path(classes))
        pack(pathlib.Path(sys.argv[1]), {"": SOURCE / "web", "WEB-INF/classes/": pathlib.Path(classes)})


if __name__ == "__main__":
    main()
