import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { aptRepositories, mirrorsFrom } from "../../../lab/twin/host.js";

afterEach(() => vi.unstubAllEnvs());

const MIRRORS = {
  main: "http://mirror.example.net/debian",
  security: "http://mirror.example.net/debian-security",
};

/** What apt on a host with these files says; only what it has no lists of yet, as in a fresh container. */
async function repositories(files: Readonly<Record<string, string>>): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), "apt-"));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(dir, name), content.replaceAll("@DIR@", dir));
  }
  const config = [
    `Dir::Etc::SourceList "${join(dir, "sources.list")}";`,
    `Dir::Etc::SourceParts "${dir}";`,
    `Dir::State::Lists "${join(dir, "lists")}";`,
  ];
  await writeFile(join(dir, "apt.conf"), config.join("\n"));
  vi.stubEnv("APT_CONFIG", join(dir, "apt.conf"));
  return aptRepositories();
}

test.each([
  [
    "lines of sources.list",
    {
      "sources.list":
        "deb http://mirror.example.net/debian bookworm main\ndeb http://mirror.example.net/debian-security bookworm-security main\n",
    },
  ],
  [
    "deb822 sources",
    {
      "debian.sources":
        "Types: deb\nURIs: http://mirror.example.net/debian\nSuites: bookworm\nComponents: main\n\nTypes: deb\nURIs: http://mirror.example.net/debian-security\nSuites: bookworm-security\nComponents: main\n",
    },
  ],
  [
    "lists of mirrors, as cloud images have them",
    {
      "debian.sources":
        "Types: deb\nURIs: mirror+file://@DIR@/debian.mirrors\nSuites: bookworm\nComponents: main\n\nTypes: deb\nURIs: mirror+file://@DIR@/security.mirrors\nSuites: bookworm-security\nComponents: main\n",
      "debian.mirrors": "http://mirror.example.net/debian\tpriority:1\nhttp://other.example.net/debian\n",
      "security.mirrors": "http://mirror.example.net/debian-security\n",
    },
  ],
])("the host's own mirrors are used, from %s", async (_, files) => {
  expect(mirrorsFrom(await repositories(files), {})).toEqual(MIRRORS);
});

test("other repositories, and what debootstrap can't read, are passed over", () => {
  const uris = [
    "https://packages.example.net/node_24.x",
    "ftp://old.example.net/debian",
    ...Object.values(MIRRORS),
  ];
  expect(mirrorsFrom(uris, {})).toEqual(MIRRORS);
});

test.each([
  [
    "on another distribution",
    ["http://archive.example.net/ubuntu"],
    "a mirror of debian and of debian-security",
  ],
  ["without apt", [], "a mirror of debian and of debian-security"],
  ["without security updates", [MIRRORS.main], "a mirror of debian-security"],
])("%s the build is refused with what to set", (_, uris, missing) => {
  expect(() => mirrorsFrom(uris, {})).toThrow(
    expect.objectContaining({
      message: expect.stringContaining(missing),
      remedy: expect.stringMatching(/DR_DEBIAN_MIRROR=.* DR_DEBIAN_SECURITY_MIRROR=/),
    }),
  );
});

test("what is set in the environment wins", () => {
  const env = {
    DR_DEBIAN_MIRROR: "https://near.example.net/debian/",
    DR_DEBIAN_SECURITY_MIRROR: "https://near.example.net/debian-security",
  };
  expect(mirrorsFrom(Object.values(MIRRORS), env)).toEqual({
    main: "https://near.example.net/debian",
    security: "https://near.example.net/debian-security",
  });
});
