import { expect, test } from "vitest";
import { mirrorsFrom } from "../../../lab/twin/host.js";

test("a Debian's own mirrors are used, without what debootstrap can't read", () => {
  const uris = [
    "https://deb.nodesource.com/node_20.x/",
    "mirror+file:/etc/apt/mirrors/debian.list",
    "http://mirror.example.net/debian/",
    "http://mirror.example.net/debian-security/",
  ];
  expect(mirrorsFrom(uris.join("\n"))).toEqual({
    main: "http://mirror.example.net/debian",
    security: "http://mirror.example.net/debian-security",
  });
});

test("else Debian's", () => {
  expect(mirrorsFrom("mirror+file:/etc/apt/mirrors/debian/")).toEqual({
    main: "http://mirror.example/debian",
    security: "http://mirror.example/debian-security",
  });
});
